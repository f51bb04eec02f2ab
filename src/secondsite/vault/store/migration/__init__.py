"""Brings a database to the tables of this program.

Its rooms:

    revisions   which tables a database has
    opening     what every start asks
    upgrading   Alembic, which runs the scripts in `migrations`
"""

from .opening import is_known, migrate, require_known
from .revisions import NEWEST

__all__ = ["NEWEST", "is_known", "migrate", "require_known"]
