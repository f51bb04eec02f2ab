"""The machine types that this host's QEMU emulates: chip sets, by version. Pure, except `known`.

A machine that was defined as plain 'q35' is of the newest version that its QEMU had, as pc-q35-10.0, and
an older QEMU knows no newer one; newer ones drop the oldest. A machine that is started from its disks runs on
another version of the same chip set too: what differs is what newer versions switch on."""

from collections.abc import Iterator, Mapping
from xml.etree.ElementTree import Element

from ....domain.machines import nearest
from ... import interface
from ..host import connection, domain_xml

Known = Mapping[str, frozenset[str]]
"""Names of machine types, by architecture."""


def known(hypervisor: connection.Hypervisor) -> Known:
    """The machine types that the hypervisor emulates; raises FabricError."""
    ask = hypervisor.handle.getCapabilities
    root = domain_xml.parse(connection.call("reading what machines QEMU emulates", ask))
    found: dict[str, set[str]] = {}
    for arch in root.iterfind("guest/arch"):
        for machine in arch.iter("machine"):
            names = (machine.text, machine.get("canonical"))
            found.setdefault(arch.get("name", ""), set()).update(name for name in names if name)
    return {name: frozenset(kinds) for name, kinds in found.items()}


def fit(root: Element, kinds: Known) -> None:
    """Give a definition the nearest machine type that exists here."""
    for kind, here in _other(root, kinds):
        kind.set("machine", here)


def left_out(root: Element, kinds: Known) -> tuple[str, ...]:
    """The machine type that was replaced, in words; empty if none was."""
    return tuple(
        f"the machine type {kind.get('machine')} (it is {here})" for kind, here in _other(root, kinds)
    )


def notes(root: Element, kinds: Known) -> Iterator[interface.Obstacle]:
    for kind, here in _other(root, kinds):
        yield interface.Obstacle(
            (
                f"QEMU here does not know the machine type {kind.get('machine')}; here the machine is a "
                f"{here}, the same chip set in the nearest version that is here."
            ),
            (
                "Accept it, if a test failover shows that its system takes it; or give the machine that type "
                "at its site ('virsh edit', while it is off)."
            ),
            blocking=False,
        )


def _other(root: Element, kinds: Known) -> Iterator[tuple[Element, str]]:
    kind = root.find("os/type")
    if kind is not None:
        wanted = kind.get("machine", "")
        here = nearest.machine_type(wanted, kinds.get(kind.get("arch", ""), frozenset()))
        if here != wanted:
            yield kind, here
