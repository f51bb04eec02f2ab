"""Decrypt a file of a replica for a person who has only the replica's folder and the customer's key."""

from __future__ import annotations

import os
from pathlib import Path

from ..encryption import EncryptionKey, data_key, encrypted_file
from ..errors import ImageProblem
from .record import record as replica_state


def decrypt(source: Path, target: Path, key: EncryptionKey) -> None:
    """Write the content of `source` to a new file of mode 0600. Raises ImageProblem for a file that lies in no
    replica, KeyWrong, CycleDamaged, OSError."""
    record = next((folder / "replica.json" for folder in source.parents if _holds_record(folder)), None)
    if record is None:
        raise ImageProblem(
            f"{source} lies in no replica, so its key is unknown.",
            do="Name the file where it is, in the folder with the replica's replica.json.",
        )
    state = replica_state.load(record)
    about = f"The replica of {state.machine_id}"
    file_key = data_key.unwrap(state.data_keys, key, about) if state.data_keys else key
    with (
        encrypted_file.content(source, file_key) as file,
        open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as written,
    ):
        while piece := file.read(encrypted_file.CHUNK_BYTES):
            written.write(piece)


def _holds_record(folder: Path) -> bool:
    return (folder / "replica.json").is_file()
