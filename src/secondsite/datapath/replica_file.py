"""A sealed file of a replica, read by a person who has the replica's folder and the customer's key, and nothing else."""

from __future__ import annotations

import os
from pathlib import Path

from . import replica_state, sealed_file, sealing_key
from .encryption_key import EncryptionKey
from .errors import ImageProblem


def unseal(source: Path, target: Path, key: EncryptionKey) -> None:
    """Write what `source` holds to a new file of mode 0600. Raises ImageProblem for a file that lies in no replica,
    KeyWrong, CycleDamaged, OSError."""
    record = next((folder / "replica.json" for folder in source.parents if _holds_record(folder)), None)
    if record is None:
        raise ImageProblem(
            f"{source} lies in no replica, so its key is unknown.",
            do="Name the file where it is, in the folder with the replica's replica.json.",
        )
    state = replica_state.load(record)
    about = f"The replica of {state.machine_id}"
    sealing = sealing_key.unwrap(state.data_keys, key, about) if state.data_keys else key
    with (
        sealed_file.content(source, sealing) as file,
        open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as written,
    ):
        while piece := file.read(sealed_file.CHUNK_BYTES):
            written.write(piece)


def _holds_record(folder: Path) -> bool:
    return (folder / "replica.json").is_file()
