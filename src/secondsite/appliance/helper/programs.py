"""Programs of the host, with the libraries that they need, for a machine that has nothing else."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from ...domain import errors
from . import cpio

WHERE = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
SECONDS = 30
_LIBRARY = re.compile(r"(?:=> )?(/\S+) \(0x")


def find(name: str) -> Path | None:
    """Where the host has it; also where a service's PATH does not lead."""
    found = shutil.which(name, path=WHERE)
    return Path(found).resolve() if found else None


def entries(name: str, program: Path) -> Iterator[cpio.Entry]:
    """The program as /sbin/NAME, and its libraries where it looks for them."""
    yield cpio.file(f"sbin/{name}", program.read_bytes(), program=True)
    for library in _libraries(program):
        yield cpio.file(str(library).lstrip("/"), library.read_bytes(), program=True)


def _libraries(program: Path) -> list[Path]:
    """None of a program that is linked statically."""
    try:
        told = subprocess.run(
            ["ldd", program], capture_output=True, text=True, timeout=SECONDS, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise errors.NotPossibleNow(f"What {program} needs cannot be asked: {problem}.") from problem
    return [Path(found) for found in _LIBRARY.findall(told)]
