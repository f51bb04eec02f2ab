"""The index of decisions, docs/adr/README.md: written by `python -m tests.docs.support_decisions`."""

import re
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "docs/adr"
INDEX = FOLDER / "README.md"
HEAD = """# Decisions

One page each: what was the matter, what was decided, what else was considered, what follows. A later one may amend an earlier one, and its status says so. Numbers that are missing were not used, or stand on [one page](0160-speed-decisions-stand-on-one-page.md).

| | decision | status |
| --- | --- | --- |
"""  # noqa: E501


def rendered() -> str:
    return HEAD + "".join(_row(page) for page in sorted(FOLDER.glob("[0-9]*.md")))


def _row(page: Path) -> str:
    found = re.match(r"# \d+\. (.+)\n\nStatus: (.+(?:\n.+)*)\n", page.read_text())
    assert found, f"{page.name} does not begin with its number, its title and its status"
    title, status = found[1], found[2].replace("\n", " ")
    return f"| [{int(page.name[:4])}]({page.name}) | {title} | {status} |\n"


if __name__ == "__main__":
    INDEX.write_text(rendered())
