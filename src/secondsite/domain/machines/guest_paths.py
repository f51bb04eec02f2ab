"""Paths of files inside a guest, as people read and type them.

A guest's names are bytes. They are shown as text, in which a byte that is no text, or that a terminal would
obey, is written \\xNN, and a backslash \\\\. So each name has one text, and each text one name."""

import re

from .. import errors

LONGEST_NAME = 1024
"""Bytes of one name: NTFS has up to 255 characters, which are up to 765 bytes of UTF-8."""
LONGEST_PATH = 4096
_ODD = re.compile(rb"\\x([0-9a-f]{2})|\\(.?)", re.IGNORECASE | re.DOTALL)


def shown(name: bytes) -> str:
    """The text of a name, or of a path."""
    text = name.decode(errors="surrogateescape")
    return "".join(_shown(char) for char in text)


def _shown(char: str) -> str:
    if char == "\\":
        return "\\\\"
    if char.isprintable():
        return char
    return "".join(f"\\x{byte:02x}" for byte in char.encode(errors="surrogateescape"))


def meant(text: str) -> tuple[bytes, ...]:
    """The names on the way of a path, from the root. Raises InvalidArgument for what no path is."""
    try:
        path = _ODD.sub(_byte, text.encode())
    except (UnicodeEncodeError, ValueError):
        raise errors.InvalidArgument(
            f"'{text!a}' is no path: a backslash stands before x and two hexadecimal digits, or is two.",
            do="Give the path as 'secondsite point list-files MACHINE POINT' shows it.",
        ) from None
    names = tuple(name for name in path.split(b"/") if name not in (b"", b"."))
    if len(path) > LONGEST_PATH or not all(map(is_name, names)):
        raise errors.InvalidArgument(
            f"'{text[:200]}' is no path: '..', a zero byte, or too long a name is in it.",
            do="Give the path as 'secondsite point list-files MACHINE POINT' shows it.",
        )
    return names


def _byte(found: re.Match[bytes]) -> bytes:
    if found[1] is not None:
        return bytes.fromhex(found[1].decode())
    if found[2] != b"\\":
        raise ValueError
    return b"\\"


def is_name(name: bytes) -> bool:
    """Whether a file can be called so."""
    return (
        0 < len(name) <= LONGEST_NAME and name not in (b".", b"..") and b"/" not in name and b"\0" not in name
    )
