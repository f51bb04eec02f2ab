"""Debian's changelog, out of CHANGELOG.md and the files for the next release."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from textwrap import wrap

MAINTAINER = re.compile(r"^Maintainer: (.*)$", re.MULTILINE)
SECTION = re.compile(r"^## (\d+\.\d+\.\d+) \((\d{4}-\d\d-\d\d)\)(?:: (.*))?$", re.MULTILINE)
WIDTH = 78


@dataclass(frozen=True, slots=True)
class Entry:
    """Of one version: when it was made, and what it brings, by group."""

    version: str
    made_at: datetime
    groups: tuple[tuple[str, tuple[str, ...]], ...]

    def rendered(self, number: str, codename: str, maintainer: str) -> str:
        """As dpkg reads it, for a release of Debian by its number and name."""
        lines = [f"secondsite ({self.version}~deb{number}u1) {codename}; urgency=medium", ""]
        for name, items in self.groups:
            lines += [f"  [ {name} ]"] if name else []
            lines += [line for item in items for line in _bullet(item)]
        return "\n".join([*lines, "", f" -- {maintainer}  {format_datetime(self.made_at)}", ""])


def write(checkout: Path, made_at: datetime, number: str, codename: str, goal: Path) -> str:
    """Of a checkout whose commit was made then, for the release of Debian with that number; gives the
    version of the packages."""
    maintainer = MAINTAINER.search((checkout / "deploy/debian/control").read_text())
    assert maintainer is not None
    entries = list(_entries(checkout, made_at))
    goal.write_text("\n".join(each.rendered(number, codename, maintainer[1]) for each in entries))
    return f"{entries[0].version}~deb{number}u1"


def _entries(checkout: Path, made_at: datetime) -> Iterator[Entry]:
    """The newest first: what comes with the next release, if there is something, counts as a version between
    the last one and that."""
    released = list(_released((checkout / "CHANGELOG.md").read_text()))
    coming = tuple(_coming(checkout / "changelog" / "unreleased"))
    if coming:
        yield Entry(f"{released[0].version}+git{made_at:%Y%m%d%H%M%S}", made_at, (("", coming),))
    yield from released


def _released(text: str) -> Iterator[Entry]:
    heads = list(SECTION.finditer(text))
    for head, following in zip(heads, [*heads[1:], None], strict=True):
        body = text[head.end() : following.start() if following else None]
        made_at = datetime.fromisoformat(head[2]).replace(hour=12, tzinfo=UTC)
        yield Entry(head[1], made_at, tuple(_groups(body)))


def _groups(body: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    before, *parts = re.split(r"^### ", body, flags=re.MULTILINE)
    if not parts:
        yield "", tuple(_plain(each) for each in before.strip().split("\n\n"))
    for part in parts:
        name, _, rest = part.partition("\n")
        items = re.findall(r"^- (.*(?:\n  .*)*)", rest, re.MULTILINE)
        yield name.strip(), tuple(_plain(each) for each in items)


def _coming(folder: Path) -> Iterator[str]:
    for path in sorted(folder.glob("[0-9]*.md")):
        yield _plain(path.read_text())


def _plain(text: str) -> str:
    """Of a page's text: one line, without marks, and links by their words."""
    return " ".join(re.sub(r"\[([^]]+)\]\([^)]+\)", r"\1", text).replace("`", "").split())


def _bullet(item: str) -> list[str]:
    return wrap(
        item, WIDTH, initial_indent="  * ", subsequent_indent="    ", break_on_hyphens=False,
        break_long_words=False,
    )  # fmt: skip
