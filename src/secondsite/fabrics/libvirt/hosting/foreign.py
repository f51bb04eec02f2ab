"""Filters a definition that another site wrote, by the lists in `allowed`. Pure: an element in, a new one
out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from ....domain import errors
from ..host import domain_xml, unescaped
from . import allowed, comes_along

LONGEST = 10_000
"""More elements than any machine has; a longer definition is refused."""
OF_A_KERNEL = ("kernel", "initrd", "cmdline")
LONGEST_TEXT = 1 << 20
KINDS = {
    path: [place for place in allowed.ONE_OF if place.rpartition("@")[0] == path]
    for path in allowed.ATTRIBUTES
}


@dataclass(frozen=True, slots=True)
class AdmittedDefinition:
    """What was taken of a definition, and the places of what was not, such as 'devices/hostdev' and
    'vcpu@shares'."""

    root: Element
    left_out: tuple[str, ...]


def parse(text: str) -> Element:
    """The definition's document; raises FabricError."""
    try:
        if len(text) > LONGEST_TEXT:
            raise ElementTree.ParseError(f"it has {len(text)} characters")
        return ElementTree.fromstring(unescaped.escaped(text))
    except ElementTree.ParseError as error:
        raise errors.FabricError(
            f"The definition that the other site sent cannot be read: {error}.",
            do=(
                "Look at the machine at its own site ('virsh dumpxml'). If it is right there, that site, or "
                "the connection to it, cannot be trusted."
            ),
        ) from error


def admit(root: Element, boot_folders: Sequence[Path] = ()) -> AdmittedDefinition:
    """Take only what is allowed; of an element that may occur once, only the first. Kernels are taken only
    from `boot_folders`."""
    left_out: list[str] = []
    clean = Element("domain")
    _take(root, clean, "", left_out, iter(range(LONGEST)))
    boot = clean.find("os")
    if boot is not None and (boot.find("kernel") is None or strange_kernels(clean, boot_folders)):
        left_out += [f"os/{name}" for name in OF_A_KERNEL if boot.find(name) is not None]
        domain_xml.remove(boot, *OF_A_KERNEL)
    return AdmittedDefinition(clean, tuple(dict.fromkeys(left_out)))


def strange_kernels(root: Element, boot_folders: Sequence[Path]) -> list[str]:
    """The kernel and the initramfs that the machine boots, if they are in other folders."""
    named = [text.strip() for name in ("os/kernel", "os/initrd") if (text := root.findtext(name))]
    folders = [folder.resolve() for folder in boot_folders]
    return [each for each in named if not any(Path(each).resolve().is_relative_to(at) for at in folders)]


def _take(element: Element, clean: Element, path: str, left_out: list[str], room: Iterator[int]) -> None:
    for name, value in element.attrib.items():
        place = f"{path}@{name}"
        if _is_value(path, name, value):
            clean.set(name, value)
            continue
        if place in allowed.INSTEAD:
            clean.set(name, allowed.INSTEAD[place])
        left_out.extend([place] if comes_along.is_missed(place) else ())
    clean.text = _text(element, path)
    seen: set[str] = set()
    for child in element:
        at = f"{path}/{child.tag}".lstrip("/")
        if not _is_element(child, at) or (at in seen and not _may_repeat(at)) or next(room, None) is None:
            left_out.extend([at] if comes_along.is_missed(at) else ())
            continue
        seen.add(at)
        _take(child, SubElement(clean, child.tag), at, left_out, room)


def _is_element(element: Element, path: str) -> bool:
    """Whether the element, its kind and its text are allowed; what this site chooses may be missing."""
    if path not in allowed.ATTRIBUTES:
        return False
    if any(_is_other_kind(element, place) for place in KINDS.get(path, ())):
        return False
    is_other = path in allowed.TEXTS and (element.text or "").strip()
    return not is_other or _text(element, path) is not None


def _is_other_kind(element: Element, place: str) -> bool:
    kind = element.get(place.rpartition("@")[2])
    return kind is not None and kind not in allowed.ONE_OF[place] and place not in allowed.INSTEAD


def _is_value(path: str, name: str, value: str) -> bool:
    place = f"{path}@{name}"
    if name not in allowed.ATTRIBUTES[path]:
        return False
    if place in allowed.ONE_OF:
        return value in allowed.ONE_OF[place]
    return bool(allowed.VALUES.get(place, allowed.PLAIN).fullmatch(value))


def _text(element: Element, path: str) -> str | None:
    text, pattern = (element.text or "").strip(), allowed.TEXTS.get(path)
    return text if text and pattern is not None and pattern.fullmatch(text) else None


def _may_repeat(path: str) -> bool:
    device = path.count("/") == 1 and path.startswith("devices/")
    return device or path in allowed.MANY or path.endswith("/entry")
