"""Files of sections with keys, as systemd-networkd and NetworkManager read them. Comments are not kept."""

from collections.abc import Iterable
from dataclasses import dataclass

from .card_plan import REMARK, NotUnderstood

Entry = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Section:
    name: str
    entries: tuple[Entry, ...] = ()

    def values(self, key: str) -> list[str]:
        return [value for name, value in self.entries if name == key]

    def last(self, key: str) -> str | None:
        return next(iter(reversed(self.values(key))), None)

    def without(self, *keys: str) -> tuple[Entry, ...]:
        return tuple(entry for entry in self.entries if entry[0] not in keys)


def read(text: str) -> list[Section]:
    """The sections in their order. Raises NotUnderstood for a line that is none of a section, a key, a
    comment."""
    found: list[Section] = []
    for number, whole in enumerate(text.split("\n"), 1):
        line = whole.strip()
        if not line or line[0] in "#;":
            continue
        if line[0] == "[" and line[-1] == "]":
            found.append(Section(line[1:-1]))
        elif "=" in line and found and line[-1] != "\\":
            key, _, value = line.partition("=")
            entry = (key.strip(), value.strip())
            found[-1] = Section(found[-1].name, (*found[-1].entries, entry))
        else:
            raise NotUnderstood(f"line {number} is not understood")
    return found


def written(sections: Iterable[Section]) -> str:
    """The file's text, with a remark for whoever reads it in the guest."""
    parts = [f"# {REMARK}"]
    parts += ["\n".join((f"[{each.name}]", *map("=".join, each.entries))) for each in sections]
    return "\n\n".join(parts) + "\n"


def only(sections: Iterable[Section], *names: str) -> Section:
    """All entries of the sections of these names, as one."""
    found = [entry for each in sections if each.name in names for entry in each.entries]
    return Section(names[0], tuple(found))
