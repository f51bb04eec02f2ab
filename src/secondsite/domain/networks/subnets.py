"""IPv4 subnets that a network of a test failover can have."""

import ipaddress
import re

LARGEST, SMALLEST = 16, 29
"""Lengths of the prefix."""
READ_OTHERWISE = re.compile(r"ignore|infinite|[0-9]+[smhdw]?")
"""Where dnsmasq takes a name, it reads these as words of its own, or as how long an address is lent: a
machine `ignore` got none."""


def usable(subnet: str) -> str:
    """The subnet as it is written everywhere. Raises ValueError for one that is none, or has too few or
    too many addresses."""
    found = ipaddress.IPv4Network(subnet)
    if not LARGEST <= found.prefixlen <= SMALLEST:
        raise ValueError(f"a subnet is from /{LARGEST} to /{SMALLEST}, not /{found.prefixlen}")
    return str(found)


def usable_or_none(subnet: str) -> str | None:
    """The same; None for one that a network of a test failover cannot have."""
    try:
        return usable(subnet)
    except ValueError:
        return None


def label(name: str) -> str:
    """The machine's name as DNS can have it: 'Web 01' is 'web-01', '2012' is 'vm-2012'; '' if nothing is
    left of it."""
    kept = "".join(each if each.isascii() and each.isalnum() else "-" for each in name.lower())
    found = kept[:63].strip("-")
    return f"vm-{found}"[:63] if READ_OTHERWISE.fullmatch(found) else found
