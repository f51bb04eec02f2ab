"""A link between two sites that loses packets: a network namespace of its own behind a veth pair, and rules
that drop.

Real IP packets and real TCP on both ends. What the rules lose is lost without a word: no reset, no ICMP, as
on a line that was cut or that is too full. The namespace has no name and no process: it lives as long as the
link (or a socket or process in it) does, so a killed test leaves nothing behind. Needs the rights of root,
iproute2 and nftables.
"""

import contextlib
import ctypes
import os
import random
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeVar

from secondsite.ground import threads
from secondsite.ground.processes import children

T = TypeVar("T")
CLONE_NEWNET = 0x40000000
COMMAND_SECONDS = 20.0
CALL_SECONDS = 120.0
SCALE = 10_000
"""Parts of one that a probability is told in."""
RULES = """
flush ruleset
table inet link {{
  chain in {{
    type filter hook input priority 0
    iifname "{device}" {which} counter drop
  }}
  chain out {{
    type filter hook output priority 0
    oifname "{device}" {which} counter drop
  }}
}}
"""
libc = ctypes.CDLL(None, use_errno=True)


class NoLink(Exception):
    """The link could not be made or changed: no right to, or a tool is missing; the text says which."""


@dataclass(frozen=True, slots=True)
class Counters:
    """Since the link was made: what arrived at an end over the wire."""

    bytes: int
    packets: int


class LossyLink:
    """`near` is the address of this namespace's end, `far` that of the other; each reaches the other only
    through the link. Use it in `with`, or `close` it."""

    def __init__(self) -> None:
        number = random.randrange(1 << 15)
        self.near, self.far = (f"198.18.{number >> 7}.{(number << 1 & 0xFF) + end}" for end in (0, 1))
        self.near_device, self.far_device = f"ssn{os.getpid():x}-{number:x}", f"ssf{number:x}"
        _have_a_maker_of_children()
        self._namespace = _new_namespace()
        try:
            self._connect()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Take the link away; harmless when repeated."""
        if self._namespace >= 0:
            with contextlib.suppress(NoLink):
                _command("ip", "link", "del", self.near_device)
            os.close(self._namespace)
            self._namespace = -1

    # -- what it does ----------------------------------------------------------------------------------

    def lose(self, share: float) -> None:
        """Lose each packet with this probability, in both directions; 1 is a line that is cut, 0 a whole
        one."""
        which = f"numgen random mod {SCALE} < {round(share * SCALE)}" if share < 1 else ""
        text = RULES.format(device=self.far_device, which=which) if share else "flush ruleset\n"
        self.call(lambda: _command("nft", "-f", "-", stdin=text))

    def call(self, function: Callable[[], T], within_seconds: float = CALL_SECONDS) -> T:
        """Run it in a thread at the far end. Sockets and threads that it makes stay there; child processes
        are this end's."""
        answer: list[T] = []
        problem: list[BaseException] = []

        def run() -> None:
            try:
                _enter(self._namespace)
                answer.append(function())
            except BaseException as error:  # it belongs to the caller
                problem.append(error)

        thread = threads.worker("far-end", run)
        thread.start()
        thread.join(within_seconds)
        if problem:
            raise problem[0]
        if not answer:
            raise NoLink(f"what was to be done at the far end took more than {within_seconds:.0f} s")
        return answer[0]

    def sent_to_far(self) -> Counters:
        """What left the near end, before anything is lost."""
        return self._count("tx")

    def sent_to_near(self) -> Counters:
        """What arrived at the near end."""
        return self._count("rx")

    def _count(self, way: str) -> Counters:
        folder = Path("/sys/class/net") / self.near_device / "statistics"
        return Counters(*(int((folder / f"{way}_{what}").read_text()) for what in ("bytes", "packets")))

    # -- making it -------------------------------------------------------------------------------------

    def _connect(self) -> None:
        far = f"/proc/{os.getpid()}/fd/{self._namespace}"
        peer = ("peer", "name", self.far_device, "netns", far)
        _command("ip", "link", "add", self.near_device, "type", "veth", *peer)
        _raise(self.near_device, self.near)
        self.call(lambda: _raise("lo", None))
        self.call(lambda: _raise(self.far_device, self.far))


def _raise(device: str, address: str | None) -> None:
    if address is not None:
        _command("ip", "address", "add", f"{address}/31", "dev", device)
        # a pair hands over 64 KiB at once, and losing those is not what a line does
        _command("ip", "link", "set", device, "gso_max_segs", "1")
    _command("ip", "link", "set", device, "up")


def _have_a_maker_of_children() -> None:
    """One thread makes the children of this process for as long as it lives. Made at the far end it stayed
    there: each name server of later tests listened in a namespace where nobody asked."""
    with Path(os.devnull).open("wb") as nowhere:
        children.start(["true"], nowhere, {"PATH": os.defpath}).wait(COMMAND_SECONDS)


def _new_namespace() -> int:
    """A descriptor of a new network namespace, made by a thread that ends in it."""
    made: list[int] = []

    def make() -> None:
        if libc.unshare(CLONE_NEWNET) == 0:
            made.append(os.open(f"/proc/self/task/{threading.get_native_id()}/ns/net", os.O_RDONLY))

    thread = threads.worker("new-namespace", make)
    thread.start()
    thread.join()
    if not made:
        raise NoLink("no right to make a network namespace")
    return made[0]


def _enter(namespace: int) -> None:
    if libc.setns(namespace, CLONE_NEWNET) != 0:
        raise NoLink(f"the namespace cannot be entered: {os.strerror(ctypes.get_errno())}")


def _command(*words: str, stdin: str | None = None) -> None:
    try:
        subprocess.run(
            words, input=stdin, check=True, timeout=COMMAND_SECONDS, capture_output=True, text=True
        )
    except FileNotFoundError:
        raise NoLink(f"{words[0]} is not installed") from None
    except subprocess.CalledProcessError as error:
        raise NoLink(f"{' '.join(words)}: {error.stderr.strip()}") from None
