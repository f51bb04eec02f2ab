"""What comes nearest to a machine's chip set, processor or firmware on a host that does not have its own, out
of what that host tells that it has."""

import re
from collections.abc import Collection

VERSIONED = re.compile(r"(.+)-(\d+)\.(\d+)")
LINES = (
    (
        "Conroe", "Penryn", "Nehalem", "Westmere", "SandyBridge", "IvyBridge", "Haswell", "Broadwell",
        "Skylake-Client", "Skylake-Server", "Cascadelake-Server", "Cooperlake", "Icelake-Server",
        "SapphireRapids", "GraniteRapids",
    ),
    ("Conroe", "Penryn", "Nehalem", "Westmere", "Denverton", "Snowridge", "SierraForest", "ClearwaterForest"),
    (
        "Opteron_G1", "Opteron_G2", "Opteron_G3", "Opteron_G4", "Opteron_G5", "EPYC", "EPYC-Rome",
        "EPYC-Milan", "EPYC-Genoa", "EPYC-Turin",
    ),
)  # fmt: skip
"""Lines of processors, the oldest first: a model has what those before it have, but for a few features."""
AS_THE_HOST = "host-model"
LARGE = "_4M"


def machine_type(wanted: str, kinds: Collection[str]) -> str:
    """The newest of `kinds` that is the wanted one in an older version; if there is none, the oldest that is
    newer. The wanted one itself if it is there, or if none is of its chip set."""
    match = VERSIONED.fullmatch(wanted)
    if match is None or wanted in kinds:
        return wanted
    known = {
        _version(found): kind
        for kind in kinds
        if (found := VERSIONED.fullmatch(kind)) and found[1] == match[1]
    }
    older = [version for version in known if version < _version(match)]
    return known[max(older) if older else min(known)] if known else wanted


def cpu_model(wanted: str, usable: Collection[str]) -> str | None:
    """The newest of the `usable` models that is of the wanted one's line and not newer; the host's own, if
    none is; None if there is not even that."""
    name, line = _generation(wanted)
    for each in reversed(line[: line.index(name) + 1] if name else ()):
        same = {model for model in usable if _generation(model)[0] == each}
        if same:
            return each if each in same else min(same)
    return AS_THE_HOST if AS_THE_HOST in usable else None


def firmware(wanted: str, files: Collection[str]) -> tuple[str | None, bool]:
    """The file name that comes nearest to the wanted build of OVMF, if any does, and whether the variables of
    the wanted one fit it: those of 2 and of 4 MiB are of other sizes."""
    for name, fits in ((wanted, True), (_other_size(wanted), False)):
        parts = name.split(".")
        for count in range(len(parts), 1, -1):
            shorter = ".".join((*parts[: count - 1], parts[-1]))
            if shorter in files:
                return shorter, fits
    return None, False


def _other_size(name: str) -> str:
    if LARGE in name:
        return name.replace(LARGE, "", 1)
    stem, dot, rest = name.partition(".")
    return f"{stem}{LARGE}{dot}{rest}"


def _generation(model: str) -> tuple[str, tuple[str, ...]]:
    """The name of its generation, such as EPYC-Rome of 'EPYC-Rome-v2', and its line; empty if not known."""
    found = [(name, line) for line in LINES for name in line if model == name or model.startswith(f"{name}-")]
    return max(found, key=lambda each: len(each[0]), default=("", ()))


def _version(match: re.Match[str]) -> tuple[int, int]:
    return int(match[2]), int(match[3])
