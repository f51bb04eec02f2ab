"""What the check of the whole configuration found last.

tables   the row
records  reads and writes it
"""

from .records import SqlValidations

__all__ = ["SqlValidations"]
