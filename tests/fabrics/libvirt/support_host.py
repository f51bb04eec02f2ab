"""The host of this process, however many test modules ask for it."""

import atexit
import contextlib
import shutil
import tempfile
from pathlib import Path

from rig.hosts import LibvirtHost

_host: LibvirtHost | None = None


@contextlib.contextmanager
def host_of_this_process():
    """Sockets want short paths, so the root lies directly in the temporary folder."""
    global _host
    if _host is None:
        root = Path(tempfile.mkdtemp(prefix="ss-lv-"))
        _host = LibvirtHost(root)
        atexit.register(shutil.rmtree, root, ignore_errors=True)
    try:
        yield _host
    finally:
        _host.end()
