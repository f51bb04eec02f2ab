"""A machine's managed save: memory that its next start goes on with, and the definition that it was saved
with.

libvirt restores from that definition, not from the one that it keeps: a mark that is to count at that start
must be in both. This was found with a machine that was saved, failed over, and then started here by its
owner."""

from typing import Any

import libvirt
import structlog

from ....domain import errors
from ...interface import PowerState
from . import connection, domain_xml, states

SECURE = libvirt.VIR_DOMAIN_SAVE_IMAGE_XML_SECURE
"""Read with the passwords, which would otherwise be lost when it is written back."""

log = structlog.get_logger(__name__)


def is_there(domain: Any) -> bool:
    """Whether the next start restores saved memory, with the disk files of that time."""
    return bool(connection.call("looking for a managed save", domain.hasManagedSaveImage, 0))


def mark(domain: Any, tag: str, *, forbidden: bool) -> None:
    """Put our mark into the saved definition, unless it already says whether the start is `forbidden`.

    The owner's memory is worth more than our mark in it: if libvirt refuses the change, nothing is changed,
    and the hook decides by the kept definition alone."""
    try:
        if states.of(domain).power is PowerState.OFF and is_there(domain):
            _mark(domain, tag, forbidden)
    except (errors.FabricError, errors.NotFound) as problem:
        log.warning("saved-memory.not-marked", machine=domain.name(), problem=problem.message)


def _mark(domain: Any, tag: str, forbidden: bool) -> None:
    text = connection.call("reading what is saved", domain.managedSaveGetXMLDesc, SECURE)
    if domain_xml.is_start_forbidden(domain_xml.parse(text)) != forbidden:
        marked = domain_xml.with_mark(text, tag, start_forbidden=forbidden)
        connection.call("marking what is saved", domain.managedSaveDefineXML, marked, 0)
