"""Sets the generation id of a machine (VM generation id): a new one tells the guest that it went back in
time, or is a second copy. Domain controllers depend on it, and programs that must not use the same random
numbers twice. Pure: XML in, XML out."""

import uuid
from xml.etree.ElementTree import Element

_NAMESPACE = uuid.UUID("6f7b4a52-8a0c-4c0e-9a41-8d3f4f1f2c55")


def give(root: Element, goes_back: str) -> None:
    """Replace the generation id by one made from `goes_back`, unless that is empty or there was no id."""
    found = root.find("genid")
    if found is not None and goes_back:
        found.text = str(uuid.uuid5(_NAMESPACE, goes_back))


def take_along(there: Element, home: Element) -> None:
    """Take over the id that a machine had at the other site when it comes home: its guest knows that one."""
    known, found = there.find("genid"), home.find("genid")
    if known is not None and found is not None:
        found.text = known.text
