"""Notices: whom to tell, what they know, and what they are still to be told.

tables   the rows
targets  reads and writes whom to tell, and how that goes
outbox   reads and writes what they know, and are to be told
"""

from .outbox import SqlNotices
from .targets import SqlNoticeTargets

__all__ = ["SqlNoticeTargets", "SqlNotices"]
