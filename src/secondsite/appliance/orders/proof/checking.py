"""Runs the checks that are set for a machine: side by side, each until it passes or its own deadline is
over."""

import contextlib
import time
from collections.abc import Sequence
from typing import Self

import structlog

from ....domain import errors
from ....domain.networks import addresses
from ....fabrics.interface import Fabric
from ....fabrics.reaching import Answers, Knock, KnockResult
from ....fabrics.seeing import FileSystem
from ....wire.common.machine_checks import LONGEST_SAID, NETWORKED, CheckKind, CheckVerdict, MachineCheck
from ....wire.control.proofs import Prove
from . import console_text

log = structlog.get_logger(__name__)

CONSOLE_BYTES = 64 * 1024
GRACE_SECONDS = 5.0
"""How long after a check's deadline its process is still heard."""
NO_MACHINE = "is no address of a machine, so nothing is asked there"
UNKNOWN_ADDRESS = "its address is not known: no guest agent and no lease tells it; give it with the check"
NOBODY_TELLS = "its guest agent, which would tell, did not answer"


class Checks:
    """The checks of one machine, as a context: leaving it ends those in progress."""

    def __init__(self, fabric: Fabric, payload: Prove, most_seconds: float) -> None:
        self._fabric, self._fabric_id = fabric, payload.fabric_id
        self._checks, self._most_seconds = payload.checks, most_seconds
        self._began = time.monotonic()
        self._verdicts: dict[str, CheckVerdict] = {}
        self._visits: list[tuple[Sequence[MachineCheck], Answers]] = []
        self._open = contextlib.ExitStack()
        self.asked_outside = False
        """Whether some were asked over this host's own network, and not in the machine's network."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_problem: object) -> None:
        self._open.close()

    @property
    def pending(self) -> list[MachineCheck]:
        return [check for check in self._checks if check.name not in self._verdicts]

    @property
    def verdicts(self) -> tuple[CheckVerdict, ...]:
        return tuple(self._verdicts[check.name] for check in self._checks if check.name in self._verdicts)

    def look(self, agent_answers: bool) -> None:
        """Look once more at the checks that have not passed yet; does not wait."""
        self._visit()
        for checks, answers in self._visits:
            for number, heard in answers().items():
                self._decide(checks[number], heard)
        for check in self.pending:
            heard = self._heard(check, agent_answers)
            if heard.passed or self._seconds() >= self._limit(check):
                self._decide(check, heard)

    def give_up(self, why: str) -> None:
        for check in self.pending:
            self._decide(check, KnockResult(False, why))

    def _heard(self, check: MachineCheck, agent_answers: bool) -> KnockResult:
        """The result of a check as it can be told now, without waiting."""
        if check.kind is CheckKind.AGENT:
            return KnockResult(
                agent_answers, f"its guest agent {'answered' if agent_answers else 'did not answer'}"
            )
        if check.kind is CheckKind.FILE_SYSTEMS:
            return self._file_systems() if agent_answers else KnockResult(False, NOBODY_TELLS)
        if check.kind is CheckKind.CONSOLE:
            wanted, console = check.text or "", self._fabric.seeing.console(self._fabric_id, CONSOLE_BYTES)
            says = wanted in console_text.cleaned(console)
            return KnockResult(says, f"its console {'says' if says else 'did not say'} '{wanted}'")
        visited = any(check in checks for checks, _ in self._visits)
        return KnockResult(False, "no answer" if visited else UNKNOWN_ADDRESS)

    def _file_systems(self) -> KnockResult:
        try:
            return judged(self._fabric.seeing.file_systems(self._fabric_id))
        except errors.SecondsiteError as error:
            return KnockResult(False, f"its guest agent does not tell: {error.message}")

    def _limit(self, check: MachineCheck) -> float:
        """Seconds until a check counts as failed. The process that asks over the network reports by itself
        what it saw last."""
        visited = any(check in checks for checks, _ in self._visits)
        return min(check.deadline_seconds + (GRACE_SECONDS if visited else 0.0), self._most_seconds)

    def _visit(self) -> None:
        """Start the checks whose address is known by now."""
        under_way = [check for checks, _ in self._visits for check in checks]
        waiting = [each for each in self.pending if each.kind in NETWORKED and each not in under_way]
        if not waiting:
            return
        known: str | None = None
        if any(check.address is None for check in waiting):
            known = next(iter(self._fabric.reaching.addresses(self._fabric_id)), None)
        by_way: dict[tuple[str, str | None], list[MachineCheck]] = {}
        for check in waiting:
            if address := check.address or known:
                by_way.setdefault((address, check.source), []).append(check)
        for (address, source), checks in by_way.items():
            self._begin(address, source, checks)

    def _begin(self, address: str, source: str | None, checks: Sequence[MachineCheck]) -> None:
        if not addresses.is_of_a_machine(addresses.host(address)):
            for check in checks:
                self._decide(check, KnockResult(False, f"{address} {NO_MACHINE}"))
            return
        knocks = [self._knock(check, address) for check in checks]
        try:
            if not self._fabric.reaching.is_inside(self._fabric_id, address, source):
                self.asked_outside = True
            answers = self._open.enter_context(self._fabric.reaching.visit(self._fabric_id, knocks, source))
        except errors.SecondsiteError as error:
            log.warning("checks.not-asked", machine=self._fabric_id, problem=error.message)
            for check in checks:
                self._decide(check, KnockResult(False, error.message))
            return
        self._visits.append((checks, answers))

    def _knock(self, check: MachineCheck, address: str) -> Knock:
        seconds = min(check.deadline_seconds, self._most_seconds) - self._seconds()
        path = check.path if check.kind is CheckKind.HTTP else None
        return Knock(address, check.port_used, max(0.1, seconds), path, check.status, check.text)

    def _decide(self, check: MachineCheck, heard: KnockResult) -> None:
        if check.name not in self._verdicts:
            said = " ".join(console_text.cleaned(heard.said.encode()).split())[:LONGEST_SAID]
            self._verdicts[check.name] = CheckVerdict(
                name=check.name, passed=heard.passed, said=said, seconds=self._seconds()
            )

    def _seconds(self) -> float:
        return time.monotonic() - self._began


def said(verdicts: Sequence[CheckVerdict]) -> str:
    """The failed checks with their reasons, or that all passed."""
    failed = [f"{each.name}: {each.said}" for each in verdicts if not each.passed]
    if not failed:
        return f"all {len(verdicts)} of its checks passed" if len(verdicts) > 1 else "its check passed"
    return f"{len(failed)} of {len(verdicts)} checks failed ({'; '.join(failed)})"


# Whether a guest has its file systems whole: its own kernel mounted them, replayed their journals, and has
# counted no error since. The guest's kernel is asked, and no program of ours reads the file systems: the
# contents of a disk cannot be trusted (ADR 138).

ALWAYS_READ_ONLY = frozenset({"iso9660", "udf", "squashfs", "erofs", "cramfs", "CDFS"})
MOST_NAMED = 4


def judged(found: Sequence[FileSystem]) -> KnockResult:
    wanted = [each for each in found if each.kind not in ALWAYS_READ_ONLY]
    if not wanted:
        return KnockResult(False, "its guest has mounted no file system from a disk")
    problems = [problem for each in wanted if (problem := _problem(each))]
    if problems:
        return KnockResult(False, _listed(problems))
    return KnockResult(True, f"mounted without an error: {_listed([_named(each) for each in wanted])}")


def _problem(found: FileSystem) -> str | None:
    if found.errors:
        return f"the kernel counts {found.errors} error{'s' * (found.errors != 1)} in {_named(found)}"
    if found.read_only and not found.meant_read_only:
        return f"{_named(found)} is mounted read-only, which its table of file systems does not ask for"
    return None


def _named(found: FileSystem) -> str:
    return f"{found.path} ({found.kind})"


def _listed(said: Sequence[str]) -> str:
    more = len(said) - MOST_NAMED
    return ", ".join(said[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
