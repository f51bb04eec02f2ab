"""Whether the file systems of scratch folders answer. What takes a filter out waits, and its guest with it,
for what QEMU has begun to write to scratch; where that hangs, the guest runs on only if the filter stays."""

import contextlib
import os
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from ....ground import threads

ANSWER_SECONDS = 5.0


class ScratchFolders:
    """Asks folders, each once at a time: who asks one that hangs cannot be called back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked: dict[Path, threading.Event] = {}

    def answers(self, folder: Path) -> bool:
        """Whether a file can be made and written there within some seconds, or is refused."""
        with self._lock:
            asked = self._asked.get(folder)
            if asked is None:
                asked = self._asked[folder] = threading.Event()
                threads.worker("scratch-folder", self._ask, folder, asked.set).start()
        return asked.wait(ANSWER_SECONDS)

    def _ask(self, folder: Path, answered: Callable[[], None]) -> None:
        try:
            with contextlib.suppress(OSError), tempfile.TemporaryFile(dir=folder, buffering=0) as file:
                os.write(file.fileno(), b"?")
        finally:
            with self._lock:
                del self._asked[folder]
            answered()
