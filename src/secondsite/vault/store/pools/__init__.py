"""Pools of addresses.

tables   the rows
records  reads and writes them
"""

from .records import SqlAddressPools

__all__ = ["SqlAddressPools"]
