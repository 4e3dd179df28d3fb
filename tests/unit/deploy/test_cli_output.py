"""How results are written, whoever reads them."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from deploy.cli.output import json_out, rows_out

if TYPE_CHECKING:
    from deploy.cli.output import Format

NOTHING = Decimal("0E-9")


@pytest.mark.parametrize("form", ["table", "tsv", "json"])
def test_a_zero_with_many_decimals_has_no_exponent(form: Format, capsys: pytest.CaptureFixture[str]) -> None:
    rows_out(("credit",), [(NOTHING,), (Decimal("1E+2"),), (None,), (0.25,)], form)
    said = capsys.readouterr().out
    assert "0.000000000" in said
    assert "100" in said
    assert "E" not in said


def test_json_keeps_money_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    json_out({"credit": NOTHING, "net": Decimal("12.50")})
    assert json.loads(capsys.readouterr().out) == {"credit": "0.000000000", "net": "12.50"}


def test_tsv_escapes_what_would_break_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    rows_out(("name",), [("a\tb\nc\\d",)], "tsv")
    assert capsys.readouterr().out == "name\na\\tb\\nc\\\\d\n"
