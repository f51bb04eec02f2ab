"""Every place that libvirt's own schemas know in a definition."""

from pathlib import Path
from xml.etree import ElementTree

RNG = "{http://relaxng.org/ns/structure/1.0}"
FOLDER = Path("/usr/share/libvirt/schemas")


def domain_places(folder=FOLDER):
    """Elements as 'devices/disk', attributes as 'devices/disk@type'. An element that may hold itself is entered twice."""
    defined: dict[str, list[ElementTree.Element]] = {}
    _read(folder / "domain.rng", defined)
    found: set[str] = set()

    def walk(at, path, within):
        if at.tag == RNG + "ref":
            name = at.get("name")
            if within.count(name) < 2:
                for each in defined[name]:
                    inside(each, path, (*within, name))
        elif at.tag == RNG + "attribute":
            found.update(f"{path}@{name}" for name in _names(at))
        elif at.tag == RNG + "element":
            for name in _names(at):
                below = f"{path}/{name}".lstrip("/")
                found.add(below)
                inside(at, below, within)
        else:
            inside(at, path, within)

    def inside(at, path, within):
        for child in at:
            walk(child, path, within)

    for each in defined["domain"]:
        for element in each:
            inside(element, "", ("domain",))
    return found


def _read(path, defined):
    pending = list(ElementTree.parse(path).getroot())
    while pending:
        each = pending.pop()
        if each.tag == RNG + "include":
            _read(path.parent / each.get("href"), defined)
        elif each.tag == RNG + "div":
            pending.extend(each)
        elif each.tag == RNG + "define":
            defined.setdefault(each.get("name"), []).append(each)


def _names(at):
    if (name := at.get("name")) is not None:
        return [f"{{{at.get('ns')}}}{name}" if at.get("ns") else name]
    return [each.text for each in at.iterfind(f"{RNG}choice/{RNG}name")] or ["*"]
