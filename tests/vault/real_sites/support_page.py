"""The tables of the guide's page about dead sites, made of the rows."""

from tests.vault.real_sites import support_rows as rows
from tests.vault.real_sites.support_states import DRILL, FORWARD

BEGIN, END = "<!-- rows: begin -->", "<!-- rows: end -->"
HEADINGS = {
    rows.SOURCE: "The source site",
    rows.TARGET: "The target site",
    rows.VAULT: "The vault, with a backup of before",
    rows.SOURCE_DATABASE: "The database of the source's appliance",
    rows.TARGET_DATABASE: "The database of the target's appliance",
}
HEAD = "| state | shown | offered | the way on | then | lost |\n| --- | --- | --- | --- | --- | --- |"


def tables():
    """Everything between the marks."""
    return "\n\n".join(f"## {heading}\n\n{_table(lost)}" for lost, heading in HEADINGS.items())


def _table(lost):
    return "\n".join([HEAD, *(_line(row) for row in rows.ROWS if row.lost == lost)])


def _line(row):
    cells = (_state(row), _coded(row.shows), _offers(row), _way(row), _then(row), row.loses)
    return f"| {' | '.join(cells)} |"


def _state(row):
    name = row.state if row.state == DRILL else f"`{row.state}`"
    return name if row.direction == FORWARD else f"{name}, on the way back"


def _coded(words):
    return ", ".join(f"`{word}`" for word in words) or "-"


def _offers(row):
    return ", ".join(verb.value.replace("_", "-") for verb in row.offers)


def _way(row):
    return ", ".join(_step(command) for command in row.way) or "none is needed"


def _step(command):
    if command == rows.START:
        return "start it at its source"
    return f"`{command.replace('LOST', 'SITE')}`"


def _then(row):
    if row.runs == rows.NOWHERE:
        return f"`{row.ends}`, runs nowhere"
    return f"`{row.ends}`, runs at what was its {row.runs}"
