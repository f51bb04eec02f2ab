"""The network that a test failover is asked to use, and which of its settings can be combined. Pure."""

from collections.abc import Sequence

from .. import errors
from ..networks import addresses, subnets

CREATE, CREATE_EACH, NO_NETWORK = "create", "create-each", "none"
MADE = (CREATE, CREATE_EACH)


def checked(network: str, subnet: str | None, dns_servers: Sequence[str] = ()) -> str | None:
    """The subnet in its canonical form, None without one. Raises InvalidArgument for settings that contradict
    each other."""
    found = _subnet(network, subnet)
    if dns_servers and network not in MADE:
        raise errors.InvalidArgument(
            (
                "A DNS server can be set for a network that is made for the test failover, not for an "
                "existing one."
            ),
            do="Leave --dns-server out, or use '--network create --subnet CIDR'.",
        )
    if dns_servers and network == CREATE and found is None:
        raise errors.InvalidArgument(
            "A DNS server cannot be set for a network without addresses.",
            do="Give --subnet too, or leave --dns-server out.",
        )
    if found is not None:
        _require_inside(found, dns_servers)
    return found


def _subnet(network: str, subnet: str | None) -> str | None:
    if subnet is None:
        return None
    if network == CREATE_EACH:
        raise errors.InvalidArgument(
            "With '--network create-each' each network has the subnet of the one that it stands for.",
            do="Leave --subnet out, or use '--network create'.",
        )
    if network != CREATE:
        raise errors.InvalidArgument(
            "A subnet is for a network that is made for the test failover, not for one that is there.",
            do="Leave --subnet out, or use '--network create'.",
        )
    try:
        return subnets.usable(subnet)
    except ValueError as problem:
        raise errors.InvalidArgument(
            f"'{subnet}' is not a subnet for a test failover: {problem}.", do="Give one such as 10.9.0.0/24."
        ) from None


def _require_inside(subnet: str, dns_servers: Sequence[str]) -> None:
    """A DNS server has to be inside the subnet: nothing outside the network can be reached."""
    for address in dns_servers:
        if not addresses.lies_in(address, subnet):
            raise errors.InvalidArgument(
                (
                    f"The DNS server {address} is not in {subnet}: no machine of the test failover would "
                    "reach it."
                ),
                do="Give one in that subnet, such as the address of a machine that is tested too.",
            )
