"""A vault that is put back to the database of a backup."""

import contextlib
import shutil
import sqlite3
from pathlib import Path


def backed_up(verbs):
    with (
        contextlib.closing(sqlite3.connect(f"{verbs.folder}/vault.db")) as now,
        contextlib.closing(sqlite3.connect(f"{verbs.folder}/backup")) as copy,
    ):
        now.backup(copy)


def restored(verbs):
    """The vault on the database of the backup, with the appliances as they are. Its file and mark are
    those of the same start, so it is not noticed."""
    verbs.close()
    shutil.copy(f"{verbs.folder}/backup", f"{verbs.folder}/vault.db")
    forget_the_log(verbs)
    verbs.open()


def forget_the_log(verbs):
    for suffix in ("-wal", "-shm"):
        Path(f"{verbs.folder}/vault.db{suffix}").unlink(missing_ok=True)
