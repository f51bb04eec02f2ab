"""Which file a name means, and whether it may be run.

The vault gives names only. Whoever holds it can run what the administrator of this site has put into the folder, and nothing else."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

from ....domain import errors
from ....domain.plans.actions import SCRIPT

OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def script(folder: Path | None, name: str) -> Path:
    """Raises NotPossibleNow or NotFound."""
    if folder is None:
        raise errors.NotPossibleNow(
            f"Script '{name}' cannot be run: this appliance has no script folder.",
            do="Set script_folder in its appliance.json, put the script there and start the appliance again.",
        )
    path = folder / name
    if not SCRIPT.fullmatch(name):
        raise errors.NotFound(f"'{name}' is not the name of a file.", do="Give a name without a path.")
    _require_own(folder, _looked_at(folder), stat.S_ISDIR, "a folder")
    status = _looked_at(path)
    _require_own(path, status, stat.S_ISREG, "a plain file, and no link to one")
    if not status.st_mode & stat.S_IXUSR:
        raise errors.NotPossibleNow(f"Script {path} is not executable.", do=f"Run 'chmod u+x {path}'.")
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
    if status.st_uid not in (0, os.geteuid()):
        raise errors.NotPossibleNow(
            f"{path} belongs to user {status.st_uid}: neither to root nor to the appliance's user.",
            do=f"Look at what it does, then run 'chown root {path}'.",
        )
    if status.st_mode & OTHERS_WRITE:
        raise errors.NotPossibleNow(
            f"{path} can be written by others than its owner.",
            do=f"Look at what it does, then run 'chmod go-w {path}'.",
        )
