"""The tables of the guide's page about dead sites, made of the rows."""

from tests.vault.real_sites import support_rows as rows
from tests.vault.real_sites.support_states import DRILL, FORWARD

BEGIN, END = "<!-- rows: begin -->", "<!-- rows: end -->"
HEADINGS = {
    rows.SOURCE: "The source site",
    rows.NEW_HARDWARE: "The source site, and new hardware stands there with an appliance of its own",
    rows.TARGET: "The target site",
    rows.VAULT: "The vault, with a backup of before",
    rows.SOURCE_DATABASE: "The database of the source's appliance",
    rows.TARGET_DATABASE: "The database of the target's appliance",
    rows.NEW_VAULT: "The vault, and every backup of it",
}
HEAD = "| state | shown | offered | the way on | then | lost |\n| --- | --- | --- | --- | --- | --- |"


def tables():
    """Everything between the marks."""
    return "\n\n".join(f"## {heading}\n\n{_table(lost)}" for lost, heading in HEADINGS.items())


def _table(lost):
    there = [row for row in rows.ROWS if row.lost == lost]
    forward = {row.state: _cells(row) for row in there if row.direction == FORWARD}
    told = [row for row in there if row.direction == FORWARD or _cells(row) != forward.get(row.state)]
    return "\n".join([HEAD, *map(_line, told)])


def _line(row):
    return f"| {' | '.join((_state(row), *_cells(row)))} |"


def _cells(row):
    return _coded(row.shows), _offers(row), _way(row), _then(row), row.loses


def _state(row):
    name = row.state if row.state == DRILL else f"`{row.state}`"
    came = f", adopted as `{row.comes}`" if row.comes not in (None, row.state) else ""
    return f"{name}{came}" if row.direction == FORWARD else f"{name}, on the way back{came}"


def _coded(words):
    return ", ".join(f"`{word}`" for word in words) or "-"


def _offers(row):
    return ", ".join(verb.value.replace("_", "-") for verb in row.offers)


def _way(row):
    return ", ".join(_step(command) for command in row.way) or "none is needed"


def _step(command):
    if command == rows.START:
        return "start it at its source"
    return f"`{command.replace('LOST', 'SITE').replace('NEW', 'NAME')}`"


def _then(row):
    if row.runs == rows.NOWHERE:
        return f"`{row.ends}`, runs nowhere"
    return f"`{row.ends}`, runs at what was its {row.runs}"
