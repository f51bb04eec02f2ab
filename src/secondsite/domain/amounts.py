"""Sizes, rates and spans of time as people write and read them.

    sizes   B, kB MB GB TB (powers of 1000), KiB MiB GiB TiB (powers of 1024); a bare number is bytes
    rates   a size per second, with or without "/s"; bits are spelled out: kbit Mbit Gbit; or "unlimited"
    spans   ms, s, m or min, h, d; several may follow each other ("1h 30m"); a bare number is seconds

Upper and lower case do not matter, except that "Mb", "Mbps" and the like are refused: it is not clear whether
bits or bytes are meant. `size`, `rate` and `span` round for reading; what the `exact_` ones give parses to
the same value.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction

from ..ground.units import DAY, HOUR, MINUTE, GiB, KiB, MiB, TiB
from . import errors

SIZES: Mapping[str, int] = {
    "B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "KiB": KiB, "MiB": MiB, "GiB": GiB,
    "TiB": TiB,
}  # fmt: skip
BITS: Mapping[str, int] = {"bit": 1, "kbit": 10**3, "Mbit": 10**6, "Gbit": 10**9}
SPANS: Mapping[str, Fraction] = {
    "ms": Fraction(1, 1000),
    "s": Fraction(1),
    "m": Fraction(MINUTE),
    "min": Fraction(MINUTE),
    "h": Fraction(HOUR),
    "d": Fraction(DAY),
    "days": Fraction(DAY),
}
UNLIMITED = "unlimited"
NUMBER = r"[0-9]{1,18}(?:\.[0-9]{1,9})?"
ONE = re.compile(rf"({NUMBER})\s*([A-Za-z]*)")
SPAN = re.compile(rf"{NUMBER}|(?:{NUMBER}\s*[a-z]+\s*)+")
PART = re.compile(rf"({NUMBER})\s*([a-z]*)")
AMBIGUOUS = re.compile(r"[KMGT]b|.*bps", re.DOTALL)


def parse_size(text: str) -> int:
    """Bytes of '2GiB', '100 MB', '65536'. Raises InvalidArgument."""
    found = ONE.fullmatch(text.strip())
    units = _plain(SIZES)
    if found is None or AMBIGUOUS.fullmatch(found[2]) or found[2].lower() not in units:
        raise errors.InvalidArgument(
            f"'{text}' is not a size.", do="Give one like 512MiB, 2GiB or 100MB (MB: 10^6 bytes, MiB: 2^20)."
        )
    return round(Fraction(found[1]) * units[found[2].lower()])


def parse_rate(text: str) -> int | None:
    """Bytes per second of '100 MB/s', '1.5GiB', '200Mbit/s', '65536'; None for 'unlimited'. Raises
    InvalidArgument."""
    plain = text.strip()
    if plain.lower() == UNLIMITED:
        return None
    found = ONE.fullmatch(re.sub(r"\s*/\s*s$", "", plain))
    units = {name.lower(): Fraction(bits, 8) for name, bits in BITS.items()} | _plain(SIZES)
    if found is None or AMBIGUOUS.fullmatch(found[2]) or found[2].lower() not in units:
        raise errors.InvalidArgument(
            f"'{text}' is not a rate.",
            do="Give one like 100MB/s, 1.5GiB/s, 200Mbit/s (B: bytes, bit: bits), or unlimited.",
        )
    return round(Fraction(found[1]) * units[found[2].lower()])


def parse_span(text: str) -> float:
    """Seconds of '90', '15m', '72h', '7d', '1h 30m'. Raises InvalidArgument."""
    plain = text.strip().lower()
    parts = PART.findall(plain) if SPAN.fullmatch(plain) else []
    if not parts or any(unit and unit not in SPANS for _, unit in parts):
        raise errors.InvalidArgument(
            f"'{text}' is not a span of time.", do="Give one like 90s, 15m, 6h, 7d or 1h30m."
        )
    return float(sum(Fraction(number) * SPANS[unit or "s"] for number, unit in parts))


def exact_size(count: int) -> str:
    """In the largest unit in which it is a whole number: '64 KiB', '100 MB', '1234567 B'."""
    unit = max((name for name in SIZES if count % SIZES[name] == 0), key=lambda name: SIZES[name])
    return f"{count // SIZES[unit]} {unit}" if count else "0 B"


def exact_rate(bytes_per_second: int | None) -> str:
    """'100 MB/s', 'unlimited'."""
    return UNLIMITED if bytes_per_second is None else f"{exact_size(bytes_per_second)}/s"


def exact_span(seconds: float) -> str:
    """'1 h 30 min', '7 d', '0.3 s': to the nanosecond."""
    left = Decimal(str(seconds)).quantize(Decimal("1e-9"))
    said = []
    for unit, length in (("d", DAY), ("h", HOUR), ("min", MINUTE)):
        whole, left = divmod(left, length)
        said += [f"{whole:f} {unit}"] if whole else []
    if left or not said:
        said.append(f"{left.normalize():f} s")
    return " ".join(said)


def size(count: float | None) -> str:
    """Bytes, rounded: '139.2 MB'; '-' for None."""
    if count is None:
        return "-"
    for unit in ("B", "kB", "MB", "GB"):
        if abs(count) < (1000 if unit == "B" else 999.95):
            return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def rate(bytes_per_second: float | None) -> str:
    """Bytes per second, rounded: '20.0 MB/s'; '-' for None."""
    return "-" if bytes_per_second is None else f"{size(bytes_per_second)}/s"


def span(seconds: float | None) -> str:
    """Seconds, rounded: '20 ms', '2.6 s', '1 h 30 min', '14 days'; '-' for None."""
    if seconds is None:
        return "-"
    if 0 < seconds < 0.1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < MINUTE:
        return f"{seconds:.1f} s".replace(".0 s", " s")
    if seconds < HOUR:
        return _two(round(seconds), MINUTE, "min", "s")
    if seconds < 3 * DAY:
        return _two(round(seconds / MINUTE), 60, "h", "min")
    return f"{seconds / DAY:.0f} days"


def _two(count: int, per: int, large: str, small: str) -> str:
    whole, rest = divmod(count, per)
    return f"{whole} {large} {rest} {small}" if rest else f"{whole} {large}"


def _plain(units: Mapping[str, int]) -> dict[str, Fraction]:
    """Units by their lower-case spelling; a number without a unit is in the smallest one."""
    return {name.lower(): Fraction(value) for name, value in units.items()} | {"": Fraction(1)}
