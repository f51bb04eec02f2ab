"""Whether a guest has its file systems whole: its own kernel mounted them, replayed their journals, and has counted no error since.

The guest's kernel is asked, and no program of ours reads them: what a disk holds is of somebody whom nobody has to trust (ADR 138)."""

from collections.abc import Sequence

from ....fabrics.reaching import KnockResult
from ....fabrics.seeing import FileSystem

ALWAYS_READ_ONLY = frozenset({"iso9660", "udf", "squashfs", "erofs", "cramfs", "CDFS"})
MOST_NAMED = 4


def judged(found: Sequence[FileSystem]) -> KnockResult:
    wanted = [each for each in found if each.kind not in ALWAYS_READ_ONLY]
    if not wanted:
        return KnockResult(False, "its guest has mounted no file system from a disk")
    problems = [problem for each in wanted if (problem := _problem(each))]
    if problems:
        return KnockResult(False, _listed(problems))
    return KnockResult(True, f"mounted without an error: {_listed([_named(each) for each in wanted])}")


def _problem(found: FileSystem) -> str | None:
    if found.errors:
        return f"the kernel counts {found.errors} error{'s' * (found.errors != 1)} in {_named(found)}"
    if found.read_only and not found.meant_read_only:
        return f"{_named(found)} is mounted read-only, which its table of file systems does not ask for"
    return None


def _named(found: FileSystem) -> str:
    return f"{found.path} ({found.kind})"


def _listed(said: Sequence[str]) -> str:
    more = len(said) - MOST_NAMED
    return ", ".join(said[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
