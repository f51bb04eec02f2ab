"""Reads what libvirt says as XML, also where it is none: libvirt 9.0 takes any name of a portgroup, a network
filter, an entry for the firmware or a port profile, and writes it down as it is, with its & and <."""

import re
from xml.etree import ElementTree
from xml.etree.ElementTree import Element
from xml.sax.saxutils import unescape

from ....domain import errors, shell

_BARE = re.compile(r"&(?!(?:amp|lt|gt|apos|quot|#\d+|#x[0-9A-Fa-f]+);)")
_NAMED = re.compile(
    r"(<(?:portgroup name|filterref filter|entry name|parameters (?:[a-z]+='[^']*' )*profileid)=')(.*?)"
    r"('(?: (?:default|trustGuestRxFilters|file)='[^']*')*\s*/?>)"
)
_ATTRIBUTES_FOLLOW = re.compile(r"[^'<]*'(?: [\w:.-]+='[^'<]*')* [\w:.-]+='[^'<]*")
"""As in metadata of others."""
_WHAT = re.compile(r"\s*<([a-z]+)[^>]*>\s*(?:<name>(.*)</name>)?")
_KINDS = {
    "domain": ("machine", "edit"),
    "network": ("network", "net-edit"),
    "pool": ("storage pool", "pool-edit"),
}


def escaped(text: str) -> str:
    """The same text, well-formed: with these names escaped, which libvirt takes for the same ones."""
    return _NAMED.sub(lambda found: found[1] + _value(found[2]) + found[3], text)


def _value(text: str) -> str:
    if _ATTRIBUTES_FOLLOW.fullmatch(text):
        return text
    return _BARE.sub("&amp;", text).replace("<", "&lt;").replace("'", "&apos;")


def parse(text: str) -> Element:
    """Raises FabricError, which tells whose definition it is."""
    try:
        return ElementTree.fromstring(text)
    except ElementTree.ParseError:
        pass
    try:
        return ElementTree.fromstring(escaped(text))
    except ElementTree.ParseError as error:
        what, do = _told(text)
        raise errors.FabricError(f"{what} cannot be read: libvirt gives no XML ({error}).", do=do) from error


def is_cause(error: errors.SecondsiteError) -> bool:
    """Whether the error came of a text that is no XML."""
    return isinstance(error.__cause__, ElementTree.ParseError)


def _told(text: str) -> tuple[str, str]:
    found = _WHAT.match(text)
    kind, verb = _KINDS.get(found[1] if found else "", ("", ""))
    if found is None or not found[2] or not kind:
        return "What libvirt says", "Look for names in it that contain & or <, and give others."
    name = unescape(found[2], {"&apos;": "'", "&quot;": '"'})
    return (
        f"The {kind} '{name}'",
        f"Give what has & or < in its name there another one: 'virsh {verb} {shell.arguments(name)}'.",
    )
