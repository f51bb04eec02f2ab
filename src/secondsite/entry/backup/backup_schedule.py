"""Makes backups of a running vault on a schedule, into the folder of its settings."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from ...domain import backups, errors
from ...ground.periodic import Periodic
from ..settings import VaultSettings

log = structlog.get_logger()
LOOK_SECONDS = 60.0


class BackupSchedule(Periodic):
    """The thread that makes backups. The folder tells when the last one was made: so a restart makes none
    sooner, and several processes with one folder make only one."""

    def __init__(self, home: Path, settings: VaultSettings, now: Callable[[], datetime]) -> None:
        super().__init__("backups", lambda error: log.error("backup.failed", exc_info=error))
        self._home = home
        self._settings = settings
        self._now = now
        self._rhythm = backups.Rhythm(timedelta(hours=settings.backup_every_hours), settings.backup_keep)
        self._failed_at: datetime | None = None

    def pause_seconds(self) -> float:
        return LOOK_SECONDS

    def look(self) -> None:
        folder = self._settings.backup_folder
        if folder is None:
            return
        from . import backup_folder  # a vault without a schedule does without its memory

        try:
            newest = backup_folder.newest_at(folder, self._settings.name, self._now())
            if self._rhythm.is_due(self._now(), newest, self._failed_at):
                self._make(folder)
        except (errors.SecondsiteError, OSError) as error:
            self._fail(folder, error)

    def _make(self, folder: Path) -> None:
        """Make a backup. An old one is deleted only once a newer one exists."""
        from . import backup_folder, taking

        taken = taking.take(self._home, None, None)
        self._failed_at = None
        dropped = backup_folder.drop_old(folder, self._settings.name, self._rhythm.keep, taken.made_at)
        log.info(
            "backup.made", file=str(taken.path), bytes=taken.bytes, sha256=taken.sha256, dropped=list(dropped)
        )

    def _fail(self, folder: Path, error: Exception) -> None:
        self._failed_at = self._now()
        do = error.do if isinstance(error, errors.SecondsiteError) else "Look at the folder and its disk."
        log.error("backup.failed", folder=str(folder), problem=str(error), do=do)
