"""What lets somebody connect to a machine after its failover: a list of lines, each seen by an agent,
confirmed by a person, or open. None of them stops a verb."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from ...ground.units import DAY
from .prepared import Preparations

WINDOWS_IDS = ("mswindows", "windows")
OPPOSED_SECONDS = DAY
"""A person who confirms what an agent saw to be otherwise longer ago than this counts."""


class System(StrEnum):
    """The system of a machine's guest."""

    LINUX = "linux"
    WINDOWS = "windows"
    UNKNOWN = "unknown"
    """Nobody told: the lines of all systems are asked."""


class Line(StrEnum):
    """What is to be so before a failover."""

    SSH_LISTENS = "ssh-listens"
    SSH_AT_BOOT = "ssh-at-boot"
    SSH_LET_IN = "ssh-let-in"
    REMOTE_DESKTOP = "remote-desktop"
    DESKTOP_WITHIN = "remote-desktop-within"
    DESKTOP_OUTSIDE = "remote-desktop-outside"
    SAN_POLICY = "san-policy"
    NO_FIXED_ROUTES = "no-fixed-routes"
    NO_PROXY = "no-proxy"
    NO_UPDATES = "no-pending-updates"
    TARGET_RULES = "target-rules"


class Standing(StrEnum):
    """What is known of a line."""

    SEEN = "seen"
    """An agent in the machine saw that it is so."""
    WRONG = "wrong"
    """An agent saw that it is not so."""
    CONFIRMED = "confirmed"
    """A person said that it is so."""
    OUTDATED = "outdated"
    """It was so, too long ago: somebody should look again."""
    OPEN = "open"
    """Nobody looked."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A line of the list. `what`: what is to be so. `do`: how to look, or to make it so. `again_seconds`: how
    long somebody's look counts. `of_target`: it is about the site where the machine would run."""

    line: Line
    system: System
    what: str
    do: str
    again_seconds: int = 90 * DAY
    of_target: bool = False

    def is_for(self, system: System) -> bool:
        """Whether it is asked of a machine with this system."""
        return System.UNKNOWN in (self.system, system) or self.system is system


_LINUX, _WINDOWS, _ANY = System.LINUX, System.WINDOWS, System.UNKNOWN
KINDS: Mapping[Line, Kind] = {
    kind.line: kind
    for kind in (
        Kind(Line.SSH_LISTENS, _LINUX, "an SSH server listens", "Install and start one."),
        Kind(Line.SSH_AT_BOOT, _LINUX, "its SSH server starts at boot", "'systemctl enable ssh', or sshd."),
        Kind(
            Line.SSH_LET_IN, _LINUX, "its firewall lets SSH in from the networks of the second site",
            "'nft list ruleset' shows what is let in.", of_target=True,
        ),
        Kind(
            Line.REMOTE_DESKTOP, _WINDOWS, "Remote Desktop is switched on",
            "Settings, System, Remote Desktop.",
        ),
        Kind(
            Line.DESKTOP_WITHIN, _WINDOWS,
            "its firewall lets Remote Desktop in from the company's networks, or nobody comes from there",
            "Allow it for the profiles Domain and Private.",
        ),
        Kind(
            Line.DESKTOP_OUTSIDE, _WINDOWS,
            "its firewall lets Remote Desktop in from the internet, or nobody comes from there",
            "Allow it for all profiles: after a failover the network may count as Public.",
        ),
        Kind(
            Line.SAN_POLICY, _WINDOWS, "its SAN policy is OnlineAll",
            "'Set-StorageSetting -NewDiskPolicy OnlineAll'.",
        ),
        Kind(
            Line.NO_FIXED_ROUTES, _WINDOWS, "it has no fixed route to a gateway of home",
            "'Get-NetRoute -PolicyStore PersistentStore' shows them.",
        ),
        Kind(
            Line.NO_PROXY, _WINDOWS, "its services use no proxy of home",
            "'netsh winhttp show proxy' shows it.",
        ),
        Kind(
            Line.NO_UPDATES, _WINDOWS, "no updates wait for a restart",
            "Restart it when that suits.", again_seconds=7 * DAY,
        ),
        Kind(
            Line.TARGET_RULES, _ANY, "the rules of the network there let it in",
            "Look at filters, routes, NAT and forwarded ports at the second site.", of_target=True,
        ),
    )
}  # fmt: skip
"""All lines, in the order in which they are shown."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What an agent saw in a machine. `at`: when; None: no agent looked, and only the system is known. Lines
    that it could not see are missing."""

    system: System = System.UNKNOWN
    at: datetime | None = None
    lines: Mapping[Line, bool] | None = None

    def of(self, line: Line) -> bool | None:
        """Whether it is so; None: not seen."""
        return None if self.at is None else (self.lines or {}).get(line)


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A person said that a line is so. `site`: the target of the machine then."""

    line: Line
    at: datetime
    who: str
    site: str


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a line, since when, and by whom: None for an agent, and if nobody looked."""

    kind: Kind
    standing: Standing
    at: datetime | None = None
    who: str | None = None


def system(named: str) -> System:
    """The system by what a guest's agent or a definition calls it."""
    word = named.lower()
    if not word:
        return System.UNKNOWN
    windows = word in WINDOWS_IDS or "microsoft.com" in word
    return System.WINDOWS if windows else System.LINUX


def seen(found: Preparations) -> Mapping[Line, bool]:
    """The lines that an agent could see."""
    lines = {
        Line.SSH_LISTENS: found.ssh_listens,
        Line.SSH_AT_BOOT: found.ssh_at_boot,
        Line.SSH_LET_IN: found.ssh_let_in,
    }
    return {line: holds for line, holds in lines.items() if holds is not None}


def table(sight: Sight, confirmed: Sequence[Confirmation], target: str, now: datetime) -> Sequence[Known]:
    """The lines of a machine that would run at `target`, in their order."""
    return tuple(_lines(sight, confirmed, target, now))


def _lines(sight: Sight, confirmed: Sequence[Confirmation], target: str, now: datetime) -> Iterator[Known]:
    said = {each.line: each for each in confirmed if not KINDS[each.line].of_target or each.site == target}
    for kind in KINDS.values():
        if kind.is_for(sight.system):
            yield _known(kind, sight, said.get(kind.line), now)


def _known(kind: Kind, sight: Sight, said: Confirmation | None, now: datetime) -> Known:
    holds = sight.of(kind.line)
    if holds is False and not _is_overruled(sight, said, now):
        return Known(kind, Standing.WRONG, sight.at)
    if said is not None and (not holds or not _counts(kind, sight.at, now)):
        standing = Standing.CONFIRMED if _counts(kind, said.at, now) else Standing.OUTDATED
        return Known(kind, standing, said.at, said.who)
    if holds:
        return Known(kind, Standing.SEEN if _counts(kind, sight.at, now) else Standing.OUTDATED, sight.at)
    return Known(kind, Standing.OPEN)


def _is_overruled(sight: Sight, said: Confirmation | None, now: datetime) -> bool:
    """Whether a person's word counts against what an agent saw: only after an old look, or one that tells no
    instant, by a clock that was wrong."""
    if said is None or sight.at is None:
        return False
    if _is_ahead(sight.at, now):
        return True
    return said.at > sight.at and now - sight.at > timedelta(seconds=OPPOSED_SECONDS)


def _counts(kind: Kind, at: datetime | None, now: datetime) -> bool:
    """Whether a look of then still counts. One of the future was made by a clock that was wrong."""
    if at is None:
        return False
    return not _is_ahead(at, now) and now - at < timedelta(seconds=kind.again_seconds)


def _is_ahead(at: datetime, now: datetime) -> bool:
    return at - now >= timedelta(seconds=DAY)
