"""The keys of a replica: the customer's opens its images, and unwraps the replica's own, which opens its
other files."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from ...encryption import DataKey, EncryptionKey, encryption_key, file_key
from .record import ReplicaState


class ReplicaKeys:
    """The keys of one replica in this process. Whatever uses them raises KeyMissing, KeyWrong."""

    def __init__(
        self, key: EncryptionKey | None, state: Callable[[], ReplicaState], save: Callable[..., Any]
    ) -> None:
        """`key` is the appliance's key, right or wrong; `state` reads the record, and `save` changes it."""
        self._key = key
        self._state = state
        self._save = save
        self._file_key: DataKey | None = None
        self._lock = threading.Lock()

    @property
    def images(self) -> EncryptionKey | None:
        """The key of the images; None for a plain replica."""
        state = self._state()
        if self._key is not None and self._key.key_id == state.next_key_id:
            return self._key
        return encryption_key.fitting(self._key, state.key_id, self._about)

    @property
    def files(self) -> DataKey | None:
        """The key of files beside the images; None for a plain replica."""
        key = self.images
        if key is None:
            return None
        with self._lock:
            if self._file_key is None:
                if not self._state().data_keys:  # an earlier release made the replica
                    self._save(data_keys=(file_key.make(key).wrapped(key),))
                self._file_key = file_key.unwrap(self._state().data_keys, key, self._about)
            return self._file_key

    def settle(self) -> bool:
        """During a change of the key both keys open everything: adopt the one that the appliance has, because
        new files open only with it. Returns whether that is the new key."""
        key, state = self.images, self._state()
        if key is None or state.next_key_id is None:
            return False
        changed = key.key_id == state.next_key_id
        former = state.key_id if changed else state.former_key_id
        self._save(key_id=key.key_id, next_key_id=None, former_key_id=former)
        return changed

    @property
    def _about(self) -> str:
        return f"The replica of {self._state().machine_id}"
