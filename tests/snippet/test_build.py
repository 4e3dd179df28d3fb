"""The committed build is what the source gives, byte for byte, and the source is typed. Needs node and npm."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

SNIPPET = Path(__file__).parents[2] / "producers" / "snippet"
BUILT = ("touchpath.js", "touchpath.min.js", "touchpath.min.js.sri")


def run(*command: str | Path) -> None:
    done = subprocess.run(command, cwd=SNIPPET, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def tools() -> Path:
    """Install what the lock names, hashes checked, unless exactly that is there; give the folder of its commands."""
    missing = "needs node and npm: apt-get install nodejs npm"
    if not shutil.which("npm"):
        if os.environ.get("CI") == "true":
            pytest.fail(missing, pytrace=False)
        pytest.skip(missing)
    lock = (SNIPPET / "package-lock.json").read_bytes()
    stamp = SNIPPET / "node_modules" / ".lock"
    if not stamp.exists() or stamp.read_bytes() != lock:
        run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
        stamp.write_bytes(lock)
    return SNIPPET / "node_modules" / ".bin"


def test_the_committed_build_is_what_the_source_gives(tools: Path, tmp_path: Path) -> None:
    run("node", "build.mjs", tmp_path)
    for name in BUILT:
        fresh = (tmp_path / name).read_bytes()
        assert fresh == (SNIPPET / "dist" / name).read_bytes(), f"{name} is old: npm run build in producers/snippet"


def test_the_source_is_typed(tools: Path) -> None:
    run(tools / "tsc", "--noEmit")


def test_the_readme_knows_every_setting_and_every_call_and_no_other() -> None:
    readme = (SNIPPET / "README.md").read_text(encoding="utf-8")
    source = (SNIPPET / "src" / "settings.ts").read_text(encoding="utf-8")
    settings = {
        re.sub("[A-Z]", lambda sign: "-" + sign[0].lower(), name) for name in re.findall(r'options\["(\w+)"\]', source)
    }
    rows = re.findall(r"^\| ((?:`data-[a-z-]+`(?:, )?)+) \|", readme, re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`data-([a-z-]+)`", row)} == settings
    main = (SNIPPET / "src" / "main.ts").read_text(encoding="utf-8")
    calls = set(re.findall(r'"(\w+)"', re.findall(r"METHODS: readonly Method\[\] = \[(.*?)\]", main)[0]))
    assert set(re.findall(r"^\| `touchpath\.(\w+)\(", readme, re.MULTILINE)) == calls | {"id", "init"}


def test_the_lock_names_no_registry() -> None:
    assert "resolved" not in (SNIPPET / "package-lock.json").read_text(encoding="utf-8")
