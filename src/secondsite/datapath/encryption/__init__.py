"""Encryption at rest: keys, and files beside the disks that are encrypted with them.

Its rooms:

    encryption_key  the customer's key, one file that stays where the data is
    file_key        a replica's own key
    encrypted_file  a file encrypted in chunks
"""

from . import encrypted_file, encryption_key, file_key
from .encryption_key import EncryptionKey
from .file_key import DataKey, FileKey, Wrapped

__all__ = ["DataKey", "EncryptionKey", "FileKey", "Wrapped", "encrypted_file", "encryption_key", "file_key"]
