"""The generation id of a machine (VM generation id): another one tells its guest that it went back in
time, or is a second one. Domain controllers depend on it, and whatever must not use the same random
numbers twice. Pure: XML in, XML out."""

import uuid
from xml.etree.ElementTree import Element

_NAMESPACE = uuid.UUID("6f7b4a52-8a0c-4c0e-9a41-8d3f4f1f2c55")


def give(root: Element, goes_back: str) -> None:
    """A new one made of `goes_back`, if that is not empty; none where there was none."""
    found = root.find("genid")
    if found is not None and goes_back:
        found.text = str(uuid.uuid5(_NAMESPACE, goes_back))


def take_along(there: Element, home: Element) -> None:
    """The guest of a machine that comes home knows the one that it had at the other site."""
    known, found = there.find("genid"), home.find("genid")
    if known is not None and found is not None:
        found.text = known.text
