"""The checks of a machine after each start, and their results."""

import ipaddress
from enum import StrEnum
from typing import Annotated

from pydantic import Field, model_validator

from .base import Shape

MOST_CHECKS = 16
LONGEST_SECONDS = 600.0
USUAL_SECONDS = 60.0
LONGEST_SAID = 300
PORTS = {"http": 80}


class CheckKind(StrEnum):
    """A TCP port that is open; an answer to an HTTP request; a text on the console; a guest agent that
    answers; file systems that its kernel has mounted without an error, as its guest agent tells."""

    TCP = "tcp"
    HTTP = "http"
    CONSOLE = "console"
    AGENT = "agent"
    FILE_SYSTEMS = "file_systems"


NETWORKED = frozenset({CheckKind.TCP, CheckKind.HTTP})
REPEATABLE = frozenset(CheckKind) - {CheckKind.CONSOLE}
"""Kinds that say how the machine is now. A console keeps what was written at the start."""


class MachineCheck(Shape):
    """One check, tried again and again until it passes or its deadline is over."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")]
    """Its name, once for each machine."""
    kind: CheckKind
    """What is looked at."""
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    """The TCP port, of 'tcp' and 'http'; null: 80 for 'http'."""
    path: Annotated[str, Field(pattern=r"^/[!-~]*$", max_length=500)] = "/"
    """The path that 'http' asks for."""
    status: Annotated[int, Field(ge=100, le=599)] = 200
    """The status that 'http' expects."""
    text: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    """What 'http' expects in the page, or 'console' on the console."""
    address: Annotated[str, Field(max_length=18)] | None = None
    """The machine's IPv4 address, with its prefix or without; null: that which its guest agent or the
    hypervisor tells."""
    source: Annotated[str, Field(max_length=18)] | None = None
    """A free IPv4 address with its prefix, such as 10.1.2.250/24, from which the machine's network is
    entered; null: none but in an isolated network, where a free one is taken."""
    deadline_seconds: Annotated[float, Field(gt=0, le=LONGEST_SECONDS)] = USUAL_SECONDS
    """Seconds from the start after which the check has failed."""

    @model_validator(mode="after")
    def _whole(self) -> "MachineCheck":
        if self.kind is CheckKind.TCP and self.port is None:
            raise ValueError("a check of kind 'tcp' needs a port")
        if self.kind is CheckKind.CONSOLE and self.text is None:
            raise ValueError("a check of kind 'console' needs a text")
        for each in (self.address, self.source):
            if each is not None:
                ipaddress.IPv4Interface(each)
        if self.source is not None and "/" not in self.source:
            raise ValueError("a source needs its prefix, such as 10.1.2.250/24")
        return self

    @property
    def port_used(self) -> int:
        return self.port or PORTS.get(self.kind, 0)


class CheckVerdict(Shape):
    """The result of one check."""

    name: str
    """Its name."""
    passed: bool
    """Whether it passed."""
    said: Annotated[str, Field(max_length=LONGEST_SAID)]
    """What was seen, or why it did not pass."""
    seconds: float
    """Seconds until that was known, counted from the first look."""
