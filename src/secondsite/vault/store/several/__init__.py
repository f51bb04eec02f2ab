"""The records of several vault processes on one database.

tables      the rows
processes   the repositories; what a process holds counts as long as its lease does
"""

from .processes import CHANNEL, SqlLinks, SqlPassedOrders, SqlProcesses, heard

__all__ = ["CHANNEL", "SqlLinks", "SqlPassedOrders", "SqlProcesses", "heard"]
