"""What was seen of vaults, the present one and former ones.

Its rooms:

    numbers     the highest numbers of orders
    records_of  where lies what a vault knew of machines that are replicated from here
    leaving     a vault is gone, and what was its alone
"""

from . import numbers, records_of
from .leaving import forget_vault

__all__ = ["forget_vault", "numbers", "records_of"]
