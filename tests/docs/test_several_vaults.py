"""The guide's figures are those of the program."""

from pathlib import Path

from secondsite.jobs.storage.database import MOST_CONNECTIONS

GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "several-vaults.md"


def test_the_guide_says_how_many_connections_postgresql_must_allow():
    said = GUIDE.read_text()
    assert f"at most {MOST_CONNECTIONS} connections" in said
    assert f"{2 * MOST_CONNECTIONS + 10} for two, {3 * MOST_CONNECTIONS + 10} for three" in said
