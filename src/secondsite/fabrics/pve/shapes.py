"""What Proxmox VE tells, judged where it enters: shapes with bounds. What it tells beside them is ignored."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Literal, TypeVar

from pydantic import BeforeValidator, Field, JsonValue, ValidationError

from ...ground.units import KiB
from ...wire.common.base import Shape
from ...wire.common.numbers import Bytes, Name, Text
from .errors import PveRefused, plain

MOST_KEYS = 1000
LONGEST_VALUE = 64 * KiB
KEY = re.compile(r"[a-z][a-z0-9_-]{0,63}")
NUMBERS = range(100, 10**9)
"""What a machine may be numbered with (VMID)."""

Vmid = Annotated[int, Field(ge=NUMBERS.start, lt=NUMBERS.stop)]
Node = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$")]
"""It becomes part of a path."""
Switch = Annotated[bool, BeforeValidator(lambda value: value in (1, "1", True))]
Config = Mapping[str, str]
"""A machine's definition: its keys, such as scsi0, and their values as text."""


class Row(Shape):
    """A guest in the list of all resources of a cluster."""

    type: Literal["qemu", "lxc"]
    vmid: Vmid
    node: Node
    name: Name = ""
    status: Name = "unknown"
    """running, stopped; unknown: its node does not answer."""
    tags: Text = ""
    template: Switch = False
    hastate: Name | None = None
    """What its HA manager says; null: it manages it not."""
    maxcpu: float = 0
    maxmem: Bytes = 0
    maxdisk: Bytes = 0

    @property
    def label(self) -> str:
        """How a person knows it."""
        return f"{plain(self.name)} ({self.vmid})"


class Status(Shape):
    """Whether a machine runs, as its node sees it now."""

    status: Name
    qmpstatus: Name = ""
    """QEMU's own word."""
    lock: Name = ""


class Task(Shape):
    status: Literal["running", "stopped"]
    exitstatus: Text = ""
    """OK, WARNINGS: N, or what went wrong."""


class ActiveTask(Shape):
    """A task in a node's list; `status` is empty as long as it runs."""

    upid: Text
    type: Name
    status: Text = ""


class Interface(Shape):
    """A network device of a node."""

    iface: Name
    type: Name
    active: Switch = False
    bridge_vlan_aware: Switch = False
    cidr: Name = ""


class Vnet(Shape):
    """A network of the cluster (SDN)."""

    vnet: Name
    zone: Name = ""
    tag: Annotated[int, Field(ge=1, lt=2**24)] | None = None
    vlanaware: Switch = False


Kind = TypeVar("Kind", bound=Shape)


def read(kind: type[Kind], told: JsonValue, what: str) -> Kind:
    """What was told, as that shape. Raises PveRefused; `what` was asked for."""
    try:
        return kind.model_validate(told)
    except ValidationError as problem:
        raise PveRefused(f"What Proxmox VE tells of {what} cannot be taken: {_wrong(problem)}.") from None


def read_all(kind: type[Kind], told: JsonValue, what: str) -> Iterator[Kind | str]:
    """Each member of a list as that shape, or as a text what is wrong with it: one that is odd costs none of
    the others. Raises PveRefused for what is no list."""
    if not isinstance(told, list):
        raise PveRefused(f"What Proxmox VE tells of {what} cannot be taken: it is no list.")
    for each in told:
        try:
            yield kind.model_validate(each)
        except ValidationError as problem:
            yield _wrong(problem)


def config(told: JsonValue, what: str) -> Config:
    """A machine's definition. Raises PveRefused."""
    if not isinstance(told, dict) or len(told) > MOST_KEYS:
        raise PveRefused(f"What Proxmox VE tells of {what} cannot be taken: it is no definition.")
    return {
        key: text
        for key, value in told.items()
        if KEY.fullmatch(key) and isinstance(value, str | int | float)
        for text in [str(value)]
        if len(text) <= LONGEST_VALUE
    }


def _wrong(problem: ValidationError) -> str:
    return plain(", ".join(".".join(map(str, each["loc"])) for each in problem.errors()[:3]))
