"""Encryption at rest: keys, and files beside the disks that are encrypted with them.

Its rooms:

    customer_key    the customer's key, one file that stays where the data is
    data_key        a replica's own key
    encrypted_file  a file encrypted in chunks
"""

from . import customer_key, data_key, encrypted_file
from .customer_key import EncryptionKey
from .data_key import DataKey, FileKey, Wrapped

__all__ = ["DataKey", "EncryptionKey", "FileKey", "Wrapped", "customer_key", "data_key", "encrypted_file"]
