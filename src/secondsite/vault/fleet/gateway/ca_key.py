"""The file with the CA's key: whoever reads it can enroll appliances."""

import os
import stat
from pathlib import Path

import structlog

from ....domain import errors

log = structlog.get_logger()


def require_private(path: Path) -> None:
    """Make the file readable by nobody else from now on. Raises NotPossibleNow if it belongs to another user,
    who could change it."""
    found = path.stat()
    open_to_others = bool(stat.S_IMODE(found.st_mode) & 0o077)
    if found.st_uid != os.geteuid() and (found.st_uid != 0 or open_to_others):
        raise errors.NotPossibleNow(
            f"{path} belongs to user {found.st_uid}, who can read and replace the CA's key.",
            do=f"Give it to the vault's user: 'chown --reference={path.parent.parent} {path}'. If that user "
            "is not trusted, rotate the CA: 'secondsite vault ca rotate'.",
        )
    if open_to_others:
        path.chmod(0o600)
        log.warning(
            "ca-key.was-open",
            path=str(path),
            mode=f"{stat.S_IMODE(found.st_mode):04o}",
            do=(
                "Others could read the CA's key until now. If they may have, rotate the CA: 'secondsite "
                "vault ca rotate'."
            ),
        )
