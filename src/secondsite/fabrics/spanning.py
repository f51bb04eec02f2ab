"""An isolated network that spans hosts, as one of them sees it."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..domain.networks import served_addresses, spanning
from ..wire.common.machines import NetworkService


@dataclass(frozen=True, slots=True)
class LocalSpan:
    """`number`: the tunnel's number. `mtu`: the longest packet of the machines, in bytes. `own`: this host's
    address on its drill segment; `peers`: those of the others. `index`: this host's place among all."""

    number: int
    mtu: int
    own: str
    peers: tuple[str, ...]
    index: int


def given(serving: NetworkService, span: LocalSpan | None) -> Sequence[tuple[str, str]]:
    """First and last addresses of the ranges that this host gives to any card."""
    found = served_addresses.spans(serving.subnet, serving.ranges)
    return found if span is None else spanning.share(found, span.index, len(span.peers) + 1)


def named(serving: NetworkService, span: LocalSpan | None) -> Sequence[tuple[str, str]]:
    """Names and addresses that the server of this host knows before a card has asked it: that may ask another
    host's."""
    if span is None:
        return ()
    return tuple((host.name, host.address) for host in serving.hosts if host.address is not None)
