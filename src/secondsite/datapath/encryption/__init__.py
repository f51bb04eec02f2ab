"""Encryption at rest: keys, and files beside the disks that are encrypted with them.

Its rooms:

    encryption_key  the customer's key, one file that stays where the data is
    data_key        a replica's own key
    encrypted_file  a file encrypted in chunks
"""

from . import data_key, encrypted_file, encryption_key
from .data_key import DataKey, FileKey, Wrapped
from .encryption_key import EncryptionKey

__all__ = ["DataKey", "EncryptionKey", "FileKey", "Wrapped", "data_key", "encrypted_file", "encryption_key"]
