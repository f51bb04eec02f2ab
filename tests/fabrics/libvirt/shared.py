"""The rig of this process, however many test modules ask for it."""

import atexit
import contextlib
import shutil
import tempfile
from pathlib import Path

from tests.fabrics.libvirt.rig import Rig

_rig: Rig | None = None


@contextlib.contextmanager
def rig_of_this_process():
    """Sockets want short paths, so the root lies directly in the temporary folder."""
    global _rig
    if _rig is None:
        root = Path(tempfile.mkdtemp(prefix="ss-lv-"))
        _rig = Rig(root)
        atexit.register(shutil.rmtree, root, ignore_errors=True)
    try:
        yield _rig
    finally:
        _rig.end()
