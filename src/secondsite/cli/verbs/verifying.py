"""Parses and shows a site's settings for copies that are booted only to be looked at."""

from enum import StrEnum

from ...domain import amounts, errors
from ...ground.plural import counted
from ...ground.units import DAY
from ...wire.rest.verification import CopyNetwork, VerificationShape


class CopyNetworkName(StrEnum):
    """The network of a copy."""

    NONE = "none"
    ISOLATED = "isolated"


def network(name: CopyNetworkName | None) -> CopyNetwork | None:
    if name is None:
        return None
    return "isolated" if name is CopyNetworkName.ISOLATED else "none"


def days(text: str) -> int:
    """The days of '7d'; 0 for 'never'. Raises InvalidArgument."""
    if text == "never":
        return 0
    found, rest = divmod(amounts.parse_span(text), DAY)
    if rest or found < 1:
        raise errors.InvalidArgument(
            f"'{text}' is not a number of days.", do="Give whole days: 1d, 7d; or never."
        )
    return int(found)


def hours(text: str) -> tuple[str, str]:
    """Begin and end of '22:00-06:00'. Raises InvalidArgument."""
    begins, dash, ends = text.partition("-")
    if not dash:
        raise errors.InvalidArgument(
            f"'{text}' is not a time of day.", do="Give both ends in UTC: 22:00-06:00."
        )
    return begins, ends


def described(found: VerificationShape) -> str:
    """The settings in words: 'every 7 days 22:00-06:00 UTC; 1 copy at once, 4 GiB together, without a
    network'."""
    memory = "" if found.memory_bytes is None else f", {amounts.exact_size(found.memory_bytes)} together"
    network_said = "in isolated networks" if found.network == "isolated" else "without a network"
    return f"{_when(found)}; {counted(found.at_once, 'copy', 'copies')} at once{memory}, {network_said}"


def _when(found: VerificationShape) -> str:
    if not found.every_days:
        return "on demand only"
    return f"every {counted(found.every_days, 'day')} {found.begins}-{found.ends} UTC"
