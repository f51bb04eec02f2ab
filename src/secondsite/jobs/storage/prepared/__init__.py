"""Statements that are prepared once, because they run for every transition of every job.

Its rooms:

    statement           one statement, and how it goes to SQLite's driver
    subset_queries      one query for some of many rows, by their keys
    row_batches         all rows of a query in one piece
    driver_transaction  a transaction of SQLite's driver, in which they run
"""

from . import driver_transaction
from .row_batches import BatchStatement, CachedRecords, Columns
from .statement import PreparedStatement, Row, as_new, new_values, one_of, run, run_on
from .subset_queries import SubsetQuery

__all__ = [
    "BatchStatement",
    "CachedRecords",
    "Columns",
    "PreparedStatement",
    "Row",
    "SubsetQuery",
    "as_new",
    "driver_transaction",
    "new_values",
    "one_of",
    "run",
    "run_on",
]
