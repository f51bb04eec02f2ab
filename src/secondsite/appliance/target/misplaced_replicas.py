"""A replica in whose folder another machine's replica lies, because somebody put a folder back under the
wrong name.

It is not opened: its points, and whatever starts from them, would be the other machine's. The vault sees no
point of it, and the reason."""

from pathlib import Path

from ...datapath.errors import AnotherReplica
from ...domain import errors
from ...wire.control.setups import ReplicaSetup
from ...wire.control.statuses import ReplicaStatus
from ..shared import Findings

CODE = "replica-of-another-machine"


class MisplacedReplica:
    """Stands in for a misplaced replica, until the appliance starts with the right folder in place."""

    def __init__(self, setup: ReplicaSetup, problem: AnotherReplica, folder: Path) -> None:
        """`setup`: its setup, with the store that it is in."""
        self.setup = setup
        self._what = (
            f"{folder} holds the replica of {problem.holds}, and not that of {setup.machine_name} "
            f"({setup.machine_id}): nothing is started from it, and it takes no cycles."
        )
        self._findings = Findings()
        self._findings.add(CODE, self._what)

    def refusal(self) -> errors.ReplicaError:
        """The error for whoever asks for the replica."""
        name = self.setup.machine_name
        return errors.ReplicaError(
            self._what,
            do=f"Stop the appliance, put {name}'s own folder back there, and start the appliance. If there "
            f"is none, disable the protection of {name} and protect it anew.",
        )

    def status(self) -> ReplicaStatus:
        return ReplicaStatus(
            machine_id=self.setup.machine_id, epoch=self.setup.epoch, accepting=False, synchronized=False,
            store=self.setup.keeping.store, findings=self._findings.all(),
        )  # fmt: skip
