"""IPv4 subnets that a network of a test failover can have."""

import ipaddress
import re

LARGEST, SMALLEST = 16, 29
"""Possible lengths of a prefix."""
READ_OTHERWISE = re.compile(r"ignore|infinite|[0-9]+[smhdw]?")
"""Names that dnsmasq takes for keywords or lease times of its own: a machine named `ignore` got no
address."""


def usable(subnet: str) -> str:
    """The subnet in its canonical form. Raises ValueError for text that is not a subnet, or one with too few
    or too many addresses."""
    found = ipaddress.IPv4Network(subnet)
    if not LARGEST <= found.prefixlen <= SMALLEST:
        raise ValueError(f"a subnet is from /{LARGEST} to /{SMALLEST}, not /{found.prefixlen}")
    return str(found)


def usable_or_none(subnet: str) -> str | None:
    """The same as `usable`; None instead of ValueError."""
    try:
        return usable(subnet)
    except ValueError:
        return None


def label(name: str) -> str:
    """The machine's name as a DNS label: 'Web 01' becomes 'web-01', '2012' becomes 'vm-2012'; '' if nothing
    is left of it."""
    kept = "".join(each if each.isascii() and each.isalnum() else "-" for each in name.lower())
    found = kept[:63].strip("-")
    return f"vm-{found}"[:63] if READ_OTHERWISE.fullmatch(found) else found
