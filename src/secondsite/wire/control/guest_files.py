"""Orders about files inside a recovery point, and their reports."""

from typing import Annotated

from pydantic import Field

from ..common.base import Shape
from ..common.guest_files import MOST_LISTED, ShownPath
from ..common.numbers import LONGEST_NAME, LONGEST_TEXT, Bytes, Name, Number
from ..common.points import PointId
from .ways import Secret


class ListFiles(Shape):
    """The files of a folder of the point with names after `after`, at most `limit`; `path` begins with the
    name of a volume, and without one the volumes are listed. An older appliance does not know this order."""

    point_id: PointId
    path: ShownPath = ""
    after: ShownPath = ""
    limit: Annotated[int, Field(ge=1, le=MOST_LISTED)] = MOST_LISTED


class FetchFiles(Shape):
    """Write what `path` names, with all below it, into `folder` of this host. `fetch_id` is another one for
    each attempt. `unencrypted`: also from an encrypted replica, though the files will not be."""

    point_id: PointId
    path: ShownPath
    folder: Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT)]
    fetch_id: Annotated[str, Field(max_length=LONGEST_NAME)]
    unencrypted: bool = False


class SendFiles(Shape):
    """Send what `path` names, with all below it, as a tar archive by a way, on which `way` and `secret` are
    to be said. `unencrypted` as above. An older appliance does not know this order."""

    point_id: PointId
    path: ShownPath
    way: Name
    secret: Secret
    unencrypted: bool = False


class EndFetchFiles(Shape):
    """The fetch to give up."""

    fetch_id: Annotated[str, Field(max_length=LONGEST_NAME)]


class FetchedFiles(Shape):
    """Where they lie, and how many there are; `left_out`: devices, pipes and the like, of which nothing was
    made."""

    place: Annotated[str, Field(max_length=LONGEST_TEXT * 2)]
    files: Number = 0
    folders: Number = 0
    size_bytes: Bytes = 0
    left_out: Number = 0
