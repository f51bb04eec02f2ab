"""What a machine wrote to its serial port since it was made here.

The file is appended to, by name: an earlier run of a machine of that name stands in it too, so `mark` notes where the new one
begins. Files are read as the appliance, so only plain ones are."""

import os
import stat
from pathlib import Path
from xml.etree.ElementTree import Element

from ....ground import durable

TERMINALS = ("serial", "console")


def path_of(root: Element) -> Path | None:
    """The file that a definition's first serial port is written to."""
    for name in TERMINALS:
        for element in root.iterfind(f"devices/{name}[@type='file']"):
            source = element.find("source")
            if source is not None and source.get("path"):
                return Path(source.get("path", ""))
    return None


def mark(root: Element, note: Path) -> None:
    """Note in the file `note` that the machine of this definition, which is off, begins here."""
    path = path_of(root)
    if path is None:
        note.unlink(missing_ok=True)
        return
    durable.replace(note, str(_size_bytes(path)))


def tail(root: Element, note: Path, most_bytes: int) -> bytes:
    """The last bytes since the mark; without one, of all of it."""
    path = path_of(root)
    handle = None if path is None else _opened(path)
    if handle is None:
        return b""
    with os.fdopen(handle, "rb") as file:
        end = os.fstat(handle).st_size
        began = _noted(note)
        begin = began if began <= end else 0  # somebody emptied it
        file.seek(max(begin, end - most_bytes))
        return file.read(most_bytes)


def _noted(note: Path) -> int:
    try:
        return int(note.read_text())
    except (OSError, ValueError):
        return 0


def _size_bytes(path: Path) -> int:
    handle = _opened(path)
    if handle is None:
        return 0
    with os.fdopen(handle, "rb"):
        return os.fstat(handle).st_size


def _opened(path: Path) -> int | None:
    """None for what is not a plain file: a pipe would block, and a link may lead anywhere."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    if stat.S_ISREG(os.fstat(handle).st_mode):
        return handle
    os.close(handle)
    return None
