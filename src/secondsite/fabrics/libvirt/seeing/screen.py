"""A picture of a machine's screen, from libvirt, which has QEMU draw it."""

from typing import Any

import libvirt

from ....domain import errors
from ..host import connection

SECONDS = 10.0
MOST_BYTES = 64 * 1024 * 1024
PNG = "image/png"


def picture(handle: Any, domain: Any) -> bytes | None:
    """A PNG; None for a machine that has no screen or does not run. Raises FabricError, also for a QEMU that draws no PNG."""
    try:
        drawn: tuple[str, bytes] = connection.call(
            f"drawing the screen of '{domain.name()}'", _drawn, handle, domain, seconds=SECONDS
        )
    except errors.FabricError as error:
        if connection.code_of(error) == libvirt.VIR_ERR_OPERATION_INVALID:
            return None
        raise
    form, data = drawn
    if form != PNG:
        raise errors.FabricError(
            f"The hypervisor draws screens as {form}, not as PNG.", do="Install QEMU 7.1 or newer."
        )
    return data


def _drawn(handle: Any, domain: Any) -> tuple[str, bytes]:
    stream, data = handle.newStream(0), bytearray()

    def take(_stream: Any, part: bytes, _nothing: object) -> int:
        data.extend(part)
        return 0 if len(data) <= MOST_BYTES else -1

    form = str(domain.screenshot(stream, 0, 0))
    stream.recvAll(take, None)
    stream.finish()
    return form, bytes(data)
