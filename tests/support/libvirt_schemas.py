"""Every place that libvirt's own schemas know in a definition."""

from pathlib import Path
from xml.etree import ElementTree

RNG = "{http://relaxng.org/ns/structure/1.0}"
FOLDER = Path("/usr/share/libvirt/schemas")


def domain_places(folder=FOLDER):
    """Elements as 'devices/disk', attributes as 'devices/disk@type'. An element that may hold itself is
    entered twice."""
    walk = _Walk()
    _read(folder / "domain.rng", walk.defined)
    for element in walk.defined["domain"]:
        walk.inside(element, "", ("domain",))
    return {place.removeprefix("domain").removeprefix("/") for place in walk.found} - {""}


class _Walk:
    def __init__(self):
        self.defined: dict[str, list[ElementTree.Element]] = {}
        self.found: set[str] = set()

    def inside(self, at, path, within):
        for child in at:
            self._at(child, path, within)

    def _at(self, at, path, within):
        match at.tag.removeprefix(RNG):
            case "ref" if within.count(at.get("name")) < 2:
                for each in self.defined[at.get("name")]:
                    self.inside(each, path, (*within, at.get("name")))
            case "ref":
                pass
            case "attribute":
                self.found.update(f"{path}@{name}" for name in _names(at))
            case "element":
                for name in _names(at):
                    below = f"{path}/{name}".lstrip("/")
                    self.found.add(below)
                    self.inside(at, below, within)
            case _:
                self.inside(at, path, within)


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
