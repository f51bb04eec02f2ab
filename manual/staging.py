"""`python -m manual.staging FOLDER`: the pages as the manual has them, with links that fit.

Pages of docs/ link to a few files of the root, which is outside of what the site's builder reads.
"""

import posixpath
import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OF_ROOT: Mapping[str, str] = {
    "README.md": "project/README.md",
    "CONTRIBUTING.md": "project/CONTRIBUTING.md",
    "CHANGELOG.md": "project/CHANGELOG.md",
    "changelog/unreleased/README.md": "project/unreleased.md",
    "docs/README.md": "index.md",
}
"""Where a file lies in the manual, by where it lies in the project; what lies below docs/ keeps its place."""
LINK = re.compile(r"\]\((?P<path>[^)\s#:]+)(?P<anchor>#[^)\s]*)?\)")


def place(path: str) -> str | None:
    """Where a file of the project lies in the manual; None: it is not part of it."""
    if path in OF_ROOT:
        return OF_ROOT[path]
    return path.removeprefix("docs/") if path.startswith("docs/") else None


def linked(text: str, path: str) -> str:
    """The text of the page at `path` in the project, with the manual's links. What the manual has not is
    named, without a link."""
    here = posixpath.dirname(place(path) or "")

    def link(found: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(path), found["path"]))
        to = place(target)
        if to is None:
            return f"] (`{target}`)"
        return f"]({posixpath.relpath(to, here or '.')}{found['anchor'] or ''})"

    return LINK.sub(link, text)


def pages() -> list[str]:
    """The files of the manual, by their place in the project."""
    below = [each.relative_to(ROOT).as_posix() for each in (ROOT / "docs").rglob("*") if each.is_file()]
    return sorted({*below, *OF_ROOT})


def stage(folder: Path) -> int:
    """Lay out all pages in `folder`, which is emptied first; gives their number."""
    shutil.rmtree(folder, ignore_errors=True)
    for path in pages():
        to = folder / (place(path) or path)
        to.parent.mkdir(parents=True, exist_ok=True)
        if path.endswith(".md"):
            to.write_text(linked((ROOT / path).read_text(), path))
        else:
            shutil.copyfile(ROOT / path, to)
    shutil.copyfile(ROOT / "manual" / "print.css", folder / "print.css")
    return len(pages())


if __name__ == "__main__":
    print(f"{stage(Path(sys.argv[1]))} files")
