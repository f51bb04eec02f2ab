"""Parsers of options that are amounts, for Typer's `parser=`. `domain.amounts` knows the units."""

from ..domain import amounts, errors


def seconds(given: str | float) -> float:
    """Seconds of '15m', '90', '1h30m'; a default is a number already. Raises InvalidArgument."""
    return amounts.parse_span(given) if isinstance(given, str) else given


def whole_seconds(given: str | int) -> int:
    """Whole seconds of '15m' or '90'. Raises InvalidArgument for anything else."""
    found = seconds(given)
    if found != int(found):
        raise errors.InvalidArgument(
            f"'{given}' is not a whole number of seconds.", do="Give one like 90s or 15m."
        )
    return int(found)


def retention(given: str | int) -> int:
    """Seconds of '24h' or '3d', but of no bare number: whoever types 24 means hours or days, and all older
    points would be deleted. Raises InvalidArgument."""
    return _with_unit(given, hours="h", days="d")


def minutes(given: str | int) -> int:
    """Seconds of '10m', but of no bare number: whoever types 10 means minutes, and every machine would have a
    finding. Raises InvalidArgument."""
    return _with_unit(given, minutes="m", hours="h")


def _with_unit(given: str | int, **units: str) -> int:
    if isinstance(given, str) and given.strip().isdecimal() and int(given) > 0:
        number = given.strip()
        *first, last = "seconds", *units
        raise errors.InvalidArgument(
            f"'{number}' may be {', '.join(first)} or {last}.",
            do=f"Say which: {', '.join(f'{number}{letter}' for letter in units.values())}, or {number}s.",
        )
    return whole_seconds(given)


def rate(given: str | int) -> int:
    """Bytes per second of '100Mbit/s' or '20MB/s'. Raises InvalidArgument, also for none and unlimited."""
    found = amounts.parse_rate(given) if isinstance(given, str) else given
    if not found:
        raise errors.InvalidArgument(
            f"'{given}' is no bandwidth to plan with.", do="Give one like 100Mbit/s."
        )
    return found


def size(given: str | int) -> int:
    """Bytes of '2GiB', '100MB'; a default is a number already. Raises InvalidArgument."""
    return amounts.parse_size(given) if isinstance(given, str) else given
