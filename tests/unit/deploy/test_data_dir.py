"""One stack at a time uses a data dir."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.data_dir import DataDir
from deploy.local.errors import LocalStackError

HOLDS = """
import sys, time
from pathlib import Path
from deploy.data_dir import DataDir
with DataDir(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_folder_in_use_is_refused_with_the_process_that_uses_it_and_free_again_when_that_is_killed(
    tmp_path: Path,
) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLDS, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(LocalStackError, match=rf"in use by process {holder.pid}\b.*--data-dir"), DataDir(tmp_path):
            pass
    finally:
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
    with DataDir(tmp_path) as again:
        assert again.logs.is_dir()


def test_a_folder_that_cannot_be_made_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LocalStackError, match="cannot be used: Not a directory"), DataDir(tmp_path / "file" / "data"):
        pass


def test_a_folder_knows_whether_its_data_was_derived_with_another_catalogue(tmp_path: Path) -> None:
    catalogue = tmp_path / "catalogue.toml"
    catalogue.write_text("version = 1")
    with DataDir(tmp_path / "data") as data:
        assert not data.rules_changed(catalogue), "nothing is derived yet"
        data.remember_rules(catalogue)
        assert not data.rules_changed(catalogue)
        catalogue.write_text("version = 1  # and more")
        assert data.rules_changed(catalogue)
