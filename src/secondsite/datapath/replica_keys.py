"""Which keys open a replica: the customer's, for images, and through it the replica's own, for files beside them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from . import encryption_key, sealing_key
from .encryption_key import EncryptionKey
from .replica_state import ReplicaState
from .sealing_key import SealingKey


class ReplicaKeys:
    """The keys of one replica in this process. All that uses them raises KeyMissing, KeyWrong."""

    def __init__(
        self, key: EncryptionKey | None, state: Callable[[], ReplicaState], save: Callable[..., Any]
    ) -> None:
        """`key` is what there is, be it the right one or not; `state` is what is recorded, and `save` changes it."""
        self._key = key
        self._state = state
        self._save = save
        self._sealing: SealingKey | None = None
        self._lock = threading.Lock()

    @property
    def images(self) -> EncryptionKey | None:
        """What images are encrypted with, None for a plain replica."""
        state = self._state()
        if self._key is not None and self._key.key_id == state.next_key_id:
            return self._key
        return encryption_key.fitting(self._key, state.key_id, self._about)

    @property
    def files(self) -> SealingKey | None:
        """What files beside the images are sealed with, None for a plain replica."""
        key = self.images
        if key is None:
            return None
        with self._lock:
            if self._sealing is None:
                if not self._state().data_keys:  # an earlier release made the replica
                    self._save(data_keys=(sealing_key.make(key).wrapped(key),))
                self._sealing = sealing_key.unwrap(self._state().data_keys, key, self._about)
            return self._sealing

    def settle(self) -> bool:
        """While the key is changed, both open everything: the one at hand holds from now on, since what is made next
        opens with it only. Tells whether it is the new one."""
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
