"""Takes a picture of a machine's screen, and keeps it if it is small enough for a report."""

import base64

import structlog

from ....domain import errors
from ....fabrics.seeing import Seeing
from ....wire.common.evidence import Picture
from ....wire.control.proofs import MOST_OF_A_PICTURE

log = structlog.get_logger(__name__)


def taken(seeing: Seeing, fabric_id: str) -> tuple[Picture, str | None]:
    """What became of the picture, and the picture itself as base64 if it is kept, else None."""
    try:
        png = seeing.screen(fabric_id)
    except errors.SecondsiteError as error:
        log.warning("screen.not-drawn", machine=fabric_id, problem=error.message)
        return Picture.FAILED, None
    if png is None:
        return Picture.NONE, None
    if len(png) > MOST_OF_A_PICTURE:
        return Picture.TOO_LARGE, None
    return Picture.KEPT, base64.b64encode(png).decode()
