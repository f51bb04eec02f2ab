"""Finds the file of a script's name, and checks that it may be run.

The vault gives names only. Whoever controls the vault can run what the administrator of this site has put
into the folder, and nothing else."""

import contextlib
import os
import re
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

from ....domain import errors
from ....domain.plans.actions import SCRIPT
from .process import ENVIRONMENT

FIRST_LINE = re.compile(r"#![ \t]*([^ \t\n]+)(?:(?<=/env)[ \t]+([^-= \t\n][^= \t\n]*)(?=[ \t\n]))?")
FIRST_LINE_BYTES = 256
"""As much of the first line as the kernel reads."""
OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def script(folder: Path | None, name: str) -> Path:
    """The path of a script that this host can run. Raises NotPossibleNow or NotFound."""
    path = its_own(folder, name)
    if not path.lstat().st_mode & stat.S_IXUSR:
        raise errors.NotPossibleNow(f"Script {path} is not executable.", do=f"Run 'chmod u+x {path}'.")
    _require_interpreter(path)
    return path


def its_own(folder: Path | None, name: str) -> Path:
    """The path of a script that nobody but root and the appliance's user can have put there. Raises
    NotPossibleNow or NotFound."""
    if folder is None:
        raise errors.NotPossibleNow(
            f"Script '{name}' cannot be run: this appliance has no script folder.",
            do="Set script_folder in its appliance.json, put the script there and start the appliance again.",
        )
    path = folder / name
    if not SCRIPT.fullmatch(name):
        raise errors.NotFound(f"'{name}' is not the name of a file.", do="Give a name without a path.")
    _require_own(folder, _looked_at(folder), stat.S_ISDIR, "a folder")
    for above in folder.absolute().parents:
        _require_safe(above, _looked_at(above))
    _require_own(path, _looked_at(path), stat.S_ISREG, "a plain file, and no link to one")
    return path


def _looked_at(path: Path) -> os.stat_result:
    try:
        return path.lstat()
    except OSError as problem:
        raise errors.NotFound(
            f"Script {path} cannot be run: {problem.strerror}.", do="Put it there at this site's appliance."
        ) from None


def _require_own(path: Path, status: os.stat_result, is_wanted: Callable[[int], bool], what: str) -> None:
    if not is_wanted(status.st_mode):
        raise errors.NotPossibleNow(f"{path} is not {what}.", do="Put the script itself there.")
    _require_owner(path, status)
    if status.st_mode & OTHERS_WRITE:
        raise _written_by_others(path)


def _require_safe(above: Path, status: os.stat_result) -> None:
    """Raises NotPossibleNow if others may write a folder above the scripts: they could replace the script
    folder. A sticky folder, where only owners may move things, is safe."""
    if not stat.S_ISDIR(status.st_mode):
        raise errors.NotPossibleNow(
            f"{above} is not a folder, and no link to one may stand above scripts.",
            do=(
                "Set script_folder in the appliance.json to where the scripts are, without a link in its "
                "path, and start the appliance again."
            ),
        )
    _require_owner(above, status)
    if status.st_mode & OTHERS_WRITE and not status.st_mode & stat.S_ISVTX:
        raise _written_by_others(above)


def _require_owner(path: Path, status: os.stat_result) -> None:
    if status.st_uid not in (0, os.geteuid()):
        raise errors.NotPossibleNow(
            f"{path} belongs to user {status.st_uid}: neither to root nor to the appliance's user.",
            do=f"Look at what the scripts do, then run 'chown root {path}'.",
        )


def _written_by_others(path: Path) -> errors.NotPossibleNow:
    return errors.NotPossibleNow(
        f"{path} can be written by others than its owner.",
        do=f"Look at what the scripts do, then run 'chmod go-w {path}'.",
    )


def _require_interpreter(path: Path) -> None:
    for needed in _interpreters(path):
        if shutil.which(needed, path=ENVIRONMENT["PATH"]) is None:
            raise errors.NotPossibleNow(
                f"Script {path} cannot be run: there is no program {needed!r}, which its first line names.",
                do="Correct its first line, or install that program.",
            )


def _interpreters(path: Path) -> list[str]:
    """The programs that the first line names: the interpreter, and what env(1) is to look for."""
    with contextlib.suppress(PermissionError), path.open("rb") as file:
        line = FIRST_LINE.match(os.fsdecode(file.read(FIRST_LINE_BYTES)))
        return [] if line is None else [each for each in line.groups() if each]
    return []
