"""Upgrades a database to the tables of this program.

Its rooms:

    revisions           which tables a database has
    opening             the check at every start
    upgrading           runs Alembic, which runs `env` and the scripts in `versions`
    env                 what Alembic runs for every command
    versions/           the scripts
    release_2026_11_20  from the release of 2026-11-20 to the baseline
"""

from .opening import is_known, migrate, require_known
from .revisions import BRING_ON, NEWEST, RELEASED, is_between, not_known

__all__ = [
    "BRING_ON",
    "NEWEST",
    "RELEASED",
    "is_between",
    "is_known",
    "migrate",
    "not_known",
    "require_known",
]
