"""Pictures of screens, kept with the jobs that took them.

tables   the rows
records  reads and writes them
"""

from .records import SqlPictures

__all__ = ["SqlPictures"]
