"""What is committed as the console is what its sources give."""

import subprocess
from pathlib import Path

import pytest

from secondsite.api import console

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
ROOT = Path(__file__).parents[2]


def contents(folder):
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_the_console_is_built_again_to_the_same_byte(tmp_path):
    made = subprocess.run(
        [ROOT / "console/make", ROOT / ".cache", tmp_path],
        capture_output=True,
        text=True,
        timeout=1100,
        check=False,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    built, committed = contents(tmp_path), contents(console.BUILT)
    assert sorted(built) == sorted(committed), "next: ./dev console"
    assert [name for name in built if built[name] != committed[name]] == [], "next: ./dev console"


@pytest.mark.parametrize("folder", ["console", "tests/support/openid_provider"])
def test_a_lock_of_npm_names_no_address(folder):
    text = (ROOT / folder / "package-lock.json").read_text()
    assert '"resolved"' not in text
    assert "://" not in text
