"""Lists of machines as rows."""

from .....wire.rest.glance.machine_rows import MACHINE_COLUMNS, MachineRow, MachineRowQuery
from .....wire.rest.machines import MachineSelection
from ...parts import ANSWER_SECONDS, Parts
from ...shared import machine_rows
from .. import sites
from .board import written
from .boards import Boards, sight

EVERY = MachineRowQuery()


class MachineRows:
    def __init__(self, parts: Parts, boards: Boards) -> None:
        self._parts = parts
        self._boards = boards

    def list_as_json(self, query: MachineRowQuery = EVERY) -> str:
        """A `MachineRows` as JSON; callers who see the same and ask for the same at once share it. Raises
        NotFound for an unknown site."""
        self._require_site(query)
        key = "rows", query, sight(self._parts.caller)
        left_seconds = min(self._parts.seconds_left(), ANSWER_SECONDS)
        return self._parts.pages.give(key, lambda: self._written(query), left_seconds)

    def selected(self, wanted: MachineSelection) -> list[MachineRow]:
        """The rows that fit, in the order that is asked for. Raises NotFound for an unknown site."""
        self._require_site(wanted)
        with self._boards.looked_at(self._parts, whole=True) as board:
            rows = board.rows()
        return machine_rows.in_order(machine_rows.fitting(rows, wanted), wanted)

    def _written(self, query: MachineRowQuery) -> str:
        with self._boards.looked_at(self._parts, whole=True) as board:
            texts = {each.row: each.text for each in board.machines.values()}
            mark = board.mark()
        found = machine_rows.in_order(machine_rows.fitting(texts, query), query)
        some = found[query.offset : query.offset + query.limit]
        head = {
            "at": self._parts.now().isoformat(), "mark": mark, "total": len(found), "columns": MACHINE_COLUMNS
        }  # fmt: skip
        return f'{written(head)[:-1]},"rows":[{",".join(texts[each] for each in some)}]}}'

    def _require_site(self, wanted: MachineSelection) -> None:
        if wanted.site is not None:
            with self._parts.store.reading() as tx:
                sites.existing(self._parts, tx, wanted.site)
