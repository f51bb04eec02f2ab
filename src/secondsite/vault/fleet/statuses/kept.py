"""What the store knows of machines of which a side says nothing here: read once, and again once it changes.

A vault that starts anew while a site is gone asks for a thousand of them with each look: 2 s of processor.
"""

from collections.abc import Collection, Hashable, Mapping

from ...store import StatusRecord, Transaction


class KeptStatuses:
    """For the only process of a vault: points that no side told here are written by nobody. Safe from any
    thread."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[Hashable, StatusRecord]] = {}

    def of(
        self, tx: Transaction, machine_ids: Collection[str], without_points: Collection[str]
    ) -> Mapping[str, StatusRecord]:
        """The statuses of the machines that have any, by id; of those `without_points` the points matter to
        nobody, and are not held in memory twice."""
        editions = {
            each: (edition, each in without_points)
            for each, edition in tx.statuses.editions([*machine_ids]).items()
        }
        kept = {each: self._kept.get(each) for each in editions}
        found = {each: known[1] for each, known in kept.items() if known and known[0] == editions[each]}
        missing = [each for each in editions if each not in found]
        read = {
            **tx.statuses.get_many([each for each in missing if each not in without_points]),
            **tx.statuses.many_without_points([each for each in missing if each in without_points]),
        }
        self._kept.update({each: (editions[each], record) for each, record in read.items()})
        return found | read

    def forget(self, machine_ids: Collection[str]) -> None:
        """Of these machines both sides speak."""
        for each in self._kept.keys() & machine_ids:
            self._kept.pop(each, None)

    def forget_all_but(self, keep: Collection[str]) -> None:
        self.forget([each for each in self._kept if each not in keep])
