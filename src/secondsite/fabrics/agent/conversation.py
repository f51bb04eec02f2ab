"""What is asked of an agent, and its answers judged: the machine that it runs in may be hostile."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Protocol, TypeVar

from pydantic import Base64Bytes, BeforeValidator, Field, ValidationError

from ...domain import errors
from ...ground.units import TiB
from ...wire.common.base import Shape
from ...wire.common.numbers import Bytes, Number
from ..calling import AgentPort
from .link import Double, Hardware, KnownAgent, OtherDisks
from .telling import ToldMachine, read

QUICK_SECONDS = 15.0
FREEZE_SECONDS = 60.0
"""What is dirty in memory is written out first."""
READING_SECONDS, PATIENT_SECONDS = 2.0, 60.0
"""After what time the agent answers with what it has read; and how long a disk may take for the first MiB."""
MOST_DIGESTED, MOST_UNMARKED = 1024, 64
MOST_DISKS = 128
LONGEST_TEXT = 1000
LARGEST_DISK = 1024 * TiB


def _cleaned(value: object) -> object:
    """It ends up before people's eyes: no control characters, and only so much of it."""
    if not isinstance(value, str):
        return value
    return "".join(each if each.isprintable() else " " for each in value[:LONGEST_TEXT])


Text = Annotated[str, BeforeValidator(_cleaned)]
Name = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]+$")]
Told = TypeVar("Told", bound=Shape)


class Agents(Protocol):
    """The agents of an appliance."""

    def known(self) -> Sequence[KnownAgent]: ...

    def find(self, agent_id: str) -> KnownAgent | None: ...

    def doubles(self) -> Sequence[Double]: ...

    def ask(self, agent_id: str, do: str, seconds: float, /, **words: Any) -> Mapping[str, Any]:
        """What it answers. Raises FabricError if it does not, AgentRefused if it refuses."""

    def readers(self, agent_id: str) -> AbstractContextManager[Path]:
        """A socket here, at which the agent serves its views by NBD."""

    def answer_fences(self, forbids: Callable[[str, str], str | None]) -> None:
        """Who asks at its boot whether it may work is told why not; empty: it may; None: nobody knows."""

    def tell_apart(self, hardware: Callable[[str, str], Hardware]) -> None:
        """`hardware` says whose the hardware is that an agent calls from, by its UUID."""

    def other_disks(self, agent_id: str) -> OtherDisks | None:
        """What was decided of a machine that comes home to other disks than its own; None: to its own."""

    def forget_other_disks(self, agent_id: str) -> None: ...

    def expect_home(self, agent_id: str) -> None:
        """The machine is about to start from its own disks, whose certificate may have ended meanwhile."""


@dataclass(frozen=True, slots=True)
class LastHold:
    """How a last view is wanted: the machine stands still for at most so long before it works on by itself,
    and its services have so long to end."""

    seconds: float
    grace_seconds: float


class FollowedDisk(Shape):
    """A disk as the agent tells it. `refused`: why it is not followed."""

    key: Name
    name: Name
    size_bytes: Annotated[Bytes, Field(le=LARGEST_DISK)]
    refused: Text = ""


class _Disks(Shape):
    disks: Annotated[tuple[FollowedDisk, ...], Field(max_length=MOST_DISKS)]


class Apps(Shape):
    """Whether applications rested at an instant, and why not."""

    consistent: bool
    reason: Text = ""


class Instant(Shape):
    app: Apps | None = None


class OpenedView(Shape):
    """A view. `dirty_blocks`: how many blocks of 64 KiB of each disk changed, in the order of `disks`."""

    bitmap: Name
    dirty_blocks: Annotated[tuple[Number, ...], Field(max_length=MOST_DISKS)] | None = ()
    instant: Instant | None = None

    @property
    def apps(self) -> Apps | None:
        return self.instant.app if self.instant else None


class _Digests(Shape):
    """Of `blocks` blocks, from the first that was asked for on: 16 bytes each, zeros for a block of zeros;
    `pages`: those of all pages of the others."""

    blocks: Annotated[Number, Field(ge=1, le=MOST_DIGESTED)]
    digests: Base64Bytes
    pages: Base64Bytes | None = b""


class _Compared(Shape):
    """`unmarked`: numbers of blocks. `noticed`: why marks are not trusted anyway."""

    blocks: Annotated[Number, Field(ge=1)]
    unmarked: Annotated[tuple[Number, ...], Field(max_length=MOST_UNMARKED)] | None = ()
    noticed: Text = ""


class _Standing(Shape):
    name: Name
    last: bool = False


class _Status(Shape):
    standing: _Standing | None = None


class _Unwritten(Shape):
    unwritten: bool


class Conversation:
    """With one agent."""

    def __init__(self, agents: Agents, agent_id: str) -> None:
        self._agents = agents
        self._agent_id = agent_id

    def disks(self) -> tuple[FollowedDisk, ...]:
        """All disks of the machine, those that are refused too."""
        return self._told(_Disks, {"disks": self._ask("disks", QUICK_SECONDS)}).disks

    def machine(self, name: str) -> ToldMachine:
        """The machine of this name, and what it consists of."""
        return read(name, self._ask("machine", QUICK_SECONDS))

    def open_live(self, base: str, name: str, since: str = "", *, flushed: bool = False) -> OpenedView:
        """A view of the disks as they are. Without a base everything is dirty, and marks begin. Raises
        AgentRefused with the code `scan-due` if the marks since the base may lack something."""
        return self._opened("live", base, name, since, {"flushed": True} if flushed else {})

    def open_frozen(
        self, base: str, name: str, since: str, *, app: bool = False, last: LastHold | None = None
    ) -> OpenedView:
        """A view of one instant, which holds only what changed. Raises AgentRefused: `scan-due`, `too-much`
        or `no-instant`."""
        words: dict[str, Any] = {"app": True} if app else {}
        if last is not None:
            words = {"last": True, "seconds": last.seconds, "grace": last.grace_seconds}
        return self._opened("frozen", base, name, since, words)

    def _opened(self, view: str, base: str, name: str, since: str, words: Mapping[str, Any]) -> OpenedView:
        patience = FREEZE_SECONDS + words.get("grace", 0.0)
        told = self._ask("open", patience, view=view, base=base, name=name, since=since, **words)
        return self._told(OpenedView, told)

    def digests(self, disk: str, first: int, count: int) -> tuple[int, bytes, bytes]:
        """Of how many blocks the agent told digests, at least one, those of these blocks, where zeros stand
        for a block of zeros, and those of the pages of the others."""
        asked = {"disk": disk, "first": first, "count": count, "seconds": READING_SECONDS}
        told = self._told(_Digests, self._ask("digests", PATIENT_SECONDS, **asked))
        return told.blocks, told.digests, told.pages or b""

    def compare(self, disk: str, base: str, first: int, expected: bytes) -> tuple[int, Sequence[int], str]:
        """Of how many blocks the agent compared digests, at least one; which of these differ although no mark
        since the base covers them; and why marks are not trusted anyway. Raises AgentRefused."""
        asked = {"disk": disk, "base": base, "first": first, "seconds": READING_SECONDS}
        digests = base64.b64encode(expected).decode()
        told = self._told(_Compared, self._ask("compare", PATIENT_SECONDS, **asked, digests=digests))
        return told.blocks, told.unmarked or (), told.noticed

    def unwritten(self, base: str) -> bool:
        """Whether nothing was written since that instant."""
        return self._told(_Unwritten, self._ask("unwritten", QUICK_SECONDS, base=base)).unwritten

    def close_view(self) -> None:
        self._ask("close", QUICK_SECONDS)

    def acknowledge(self, name: str) -> None:
        """Marks up to that instant are dropped. Raises AgentRefused for one that the agent does not have."""
        self._ask("acknowledge", QUICK_SECONDS, name=name)

    def standing(self) -> str | None:
        """For which last view the machine stands still now."""
        standing = self._told(_Status, self._ask("status", QUICK_SECONDS)).standing
        return standing.name if standing and standing.last else None

    def freeze(self, name: str, seconds: float) -> None:
        """All file systems stand still until `thaw`, for so long at most."""
        self._ask("freeze", FREEZE_SECONDS, name=name, seconds=seconds)

    def thaw(self, name: str, *, start_services: bool = False) -> None:
        """Raises AgentRefused with `no-instant` if somebody wrote while they should have stood still."""
        self._ask("thaw", FREEZE_SECONDS, name=name, **({"start_services": True} if start_services else {}))

    def power_off(self, name: str) -> None:
        """Switch the machine off at once, after its last view."""
        self._ask("power-off", QUICK_SECONDS, name=name)

    def calls_also(self, port: AgentPort) -> None:
        """From now on the agent calls there too, once it runs on other hardware than now."""
        place = {"addresses": list(port.addresses), "ca": port.authority}
        self._ask("elsewhere", QUICK_SECONDS, places=[place])

    def shut_down(self) -> None:
        """Shut the machine down in order."""
        self._ask("shut-down", QUICK_SECONDS)

    def unfence(self) -> None:
        """Let a machine work whose boot kept it from that."""
        self._ask("unfence", FREEZE_SECONDS)

    def readers(self) -> AbstractContextManager[Path]:
        return self._agents.readers(self._agent_id)

    def _ask(self, do: str, seconds: float, /, **words: Any) -> Any:
        return self._agents.ask(self._agent_id, do, seconds, **words)

    def _told(self, shape: type[Told], told: object) -> Told:
        try:
            return shape.model_validate(told)
        except ValidationError as problem:
            first = problem.errors(include_input=False)[0]
            raise errors.FabricError(
                f"The agent of machine {self._agent_id} answered what no agent answers ({first['loc']}: "
                f"{first['msg']}).",
                do="Bring it to this release; if it has it, find out what speaks in its place.",
            ) from None
