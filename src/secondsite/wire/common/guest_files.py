"""Files inside a recovery point, as they are listed."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from .base import Shape
from .numbers import LONGEST_NAME, BoundedTuple, Bytes, Instant

MOST_LISTED = 1000
LONGEST_SHOWN = 20_000
"""Characters of a path: each of its bytes may take four."""
ShownPath = Annotated[str, Field(max_length=LONGEST_SHOWN)]


class FileKind(StrEnum):
    """What a name in a point stands for."""

    VOLUME = "volume"
    FOLDER = "folder"
    FILE = "file"
    LINK = "link"
    OTHER = "other"


class GuestFile(Shape):
    """A file of a point, or a volume: a file system on one of its disks."""

    name: ShownPath
    """Its name; a byte that is no text is written \\\\xNN, and a backslash twice."""
    kind: FileKind
    """What it is."""
    size_bytes: Bytes
    """How large it is; of a volume the file system."""
    permissions: Annotated[int, Field(ge=0, le=0o7777)] = 0
    """As of chmod; of a volume 0."""
    modified_at: Instant | None = None
    """When its content was last changed, as the guest's file system says (UTC)."""
    about: Annotated[str, Field(max_length=LONGEST_NAME)] = ""
    """Of a volume: which file system it is, its label, and why it cannot be read."""


class GuestFiles(Shape):
    """The files of a folder, by name."""

    files: Annotated[tuple[GuestFile, ...], BoundedTuple(MOST_LISTED)] = ()
    """A thousand at most."""
    more: bool = False
    """Whether there are further ones behind the last: ask again from there."""
