"""Statements that are made once, as they run for every transition of every job.

Its rooms:

    statement    one statement, and how it goes to SQLite's driver
    some         one query for some of many rows
    gathered     rows that come in one piece
    direct       a transaction of the driver's, in which they run
"""

from . import direct
from .gathered import Columns, Gathered, Remembered
from .some import PreparedFor
from .statement import Prepared, Row, as_new, new_values, one_of, run, run_on

__all__ = [
    "Columns",
    "Gathered",
    "Prepared",
    "PreparedFor",
    "Remembered",
    "Row",
    "as_new",
    "direct",
    "new_values",
    "one_of",
    "run",
    "run_on",
]
