"""The examples of docs/guide/python.md run, one after the other, against two simulated sites."""

import re
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "guide" / "python.md"

pytestmark = pytest.mark.slow


def examples():
    return re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.M | re.S)


def test_the_examples_do_what_the_page_says(cli, fresh, fresh_too, capsys):
    here = {"paris": "a", "rome": "b", "web01": fresh, "db01": fresh_too}
    known: dict[str, Any] = {}
    for example in examples():
        for name, meant in here.items():
            example = example.replace(f'"{name}"', f'"{meant}"')
        exec(compile(example, str(PAGE), "exec"), known)
    said = capsys.readouterr().out
    assert "succeeded" in said
    assert "not-possible-now planned_failover is not possible" in said
    assert "something else" not in said
    assert cli.must(f"machine show {fresh} --json").json["state"] == "protected"
    assert re.search(r"^(job|machine) [0-9a-f]+$", said, re.M)
    assert cli.must(f"machine show {fresh_too} --json").json["drill"]["notes"]
    assert len(examples()) >= 8
