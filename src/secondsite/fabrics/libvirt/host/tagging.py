"""Our mark on a machine: its tag, and whether it may be started.

The mark is metadata in the definition, so it survives reboots and upgrades. A libvirt hook on the host,
which is asked before each start, refuses machines whose kept definition is marked so (`start-veto` in this
folder; the install guide says how it is put in place). Without the hook, autostart alone is off. The
definition inside a managed save is marked, too: a hook of an earlier release reads that one."""

from typing import Any
from xml.sax.saxutils import quoteattr

import libvirt

from ...interface import PowerState
from . import connection, domain_xml, inventory, saved_memory


def write(
    domain: Any, tag: str | None, *, start_forbidden: bool = False, started_with_host: bool = False
) -> None:
    """Set our mark, or remove it if `tag` is None."""
    start = f" start='{domain_xml.FORBIDDEN}'" if start_forbidden else ""
    start += " autostart='before'" if started_with_host else ""
    element = None if tag is None else f"<machine tag={quoteattr(tag)}{start}/>"
    flags = libvirt.VIR_DOMAIN_AFFECT_CONFIG
    if inventory.power_of(domain) is not PowerState.OFF:
        flags |= libvirt.VIR_DOMAIN_AFFECT_LIVE
    kind = libvirt.VIR_DOMAIN_METADATA_ELEMENT
    arguments = (kind, element, domain_xml.PREFIX, domain_xml.NAMESPACE, flags)
    connection.call("writing our tag", domain.setMetadata, *arguments)


def forbid_start(domain: Any, tag: str) -> None:
    """Turn autostart off and set the mark for the hook, which also records how autostart was."""
    inventory.require_tag(domain, tag)
    if not inventory.is_start_forbidden(domain):
        before = bool(connection.call("reading autostart", domain.autostart))
        write(domain, tag, start_forbidden=True, started_with_host=before)
    saved_memory.mark(domain, tag, forbidden=True)  # each time: it may have been saved since
    connection.call("turning autostart off", domain.setAutostart, 0)


def allow_start(domain: Any, tag: str, *, with_host: bool) -> None:
    """Set autostart as it was, and remove the veto. The definition is written in any case: the hook's file
    may differ from libvirt's, which takes over a snapshot's definition even if the start from it is then
    refused."""
    inventory.require_tag(domain, tag)
    write(domain, tag)
    saved_memory.mark(domain, tag, forbidden=False)
    connection.call("setting autostart", domain.setAutostart, int(with_host))
