"""Statements that are made once, as they run for every transition of every job.

Its rooms:

    statement    one statement, and how it goes to SQLite's driver
    some         one query for some of many rows
    gathered     rows that come in one piece
"""

from .gathered import Columns, Gathered, Remembered
from .some import PreparedFor
from .statement import Prepared, Row, as_new, new_values, one_of, run

__all__ = [
    "Columns",
    "Gathered",
    "Prepared",
    "PreparedFor",
    "Remembered",
    "Row",
    "as_new",
    "new_values",
    "one_of",
    "run",
]
