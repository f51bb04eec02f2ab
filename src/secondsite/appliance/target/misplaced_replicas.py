"""A replica in whose folder lies what is not to be used as it: another machine's replica, because somebody
put a folder back under the wrong name; or a state of an earlier epoch, because it was put back to before a
reprotect.

It is not opened: its points, and whatever starts from them, would be the other machine's, or of a history
that was left. The vault sees no point of it, and the reason."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from ...datapath.errors import AnotherReplica
from ...domain import errors, shell
from ...wire.control.setups import ReplicaSetup
from ...wire.control.statuses import ReplicaStatus
from ..shared import Findings
from .stores import ownership

OF_ANOTHER, OF_EARLIER = "replica-of-another-machine", "replica-of-earlier-epoch"
OF_NOBODY = "replica-owner-unreadable"
UNUSED = "nothing is started from it, and it takes no cycles"


class MisplacedReplica:
    """Stands in for a misplaced replica, until the appliance starts with the right folder in place."""

    def __init__(
        self, setup: ReplicaSetup, code: str, what: str, do: str, runs: tuple[str, ...] = ()
    ) -> None:
        """`setup`: its setup, with the store that it is in. `code`: that of its finding. `runs`: those that
        it is known to have."""
        self.setup = setup
        self.code = code
        self._what, self._do, self._runs = what, do, runs
        self._findings = Findings()
        self._findings.add(code, self._what)

    @classmethod
    def of_another(cls, setup: ReplicaSetup, problem: AnotherReplica, folder: Path) -> Self:
        """One whose folder holds another machine's replica."""
        name = setup.machine_name
        what = f"{folder} holds the replica of {problem.holds}, and not that of {name} ({setup.machine_id})"
        do = (
            f"Stop the appliance, put {name}'s own folder back there, and start the appliance. If there "
            f"is none, disable the protection of {name} and protect it anew."
        )
        return cls(setup, OF_ANOTHER, f"{what}: {UNUSED}.", do)

    @classmethod
    def of_earlier(cls, setup: ReplicaSetup, epoch: int, folder: Path) -> Self:
        """One whose files are of an earlier epoch than its setup."""
        # Opened, it was compared without end: no cycle of the present epoch can be applied to it.
        name = setup.machine_name
        what = (
            f"The replica of {name} in {folder} is of epoch {epoch}, and its protection of epoch "
            f"{setup.epoch}, so it was put back to before a reprotect"
        )
        do = (
            "Stop the appliance, put the folder's newest state back there, and start the appliance. If there "
            f"is none, type 'secondsite machine disable-protection {shell.arguments(name)}', which leaves "
            "these files, and protect the machine anew."
        )
        return cls(setup, OF_EARLIER, f"{what}: {UNUSED}.", do)

    @classmethod
    def of_nobody(cls, setup: ReplicaSetup, folder: Path, appliance_id: str, runs: tuple[str, ...]) -> Self:
        """One that does not say readably which appliance has it. `runs`: those that are remembered."""
        what = f"Of the replica of {setup.machine_name}, {ownership.unreadable(folder, appliance_id)}"
        return cls(setup, OF_NOBODY, what, "Do what is said there.", runs)

    def refusal(self) -> errors.ReplicaError:
        """The error for whoever asks for the replica."""
        return errors.ReplicaError(self._what, do=self._do)

    def status(self) -> ReplicaStatus:
        return ReplicaStatus(
            machine_id=self.setup.machine_id, epoch=self.setup.epoch, accepting=False, synchronized=False,
            store=self.setup.keeping.store, runs=self._runs, findings=self._findings.all(),
        )  # fmt: skip
