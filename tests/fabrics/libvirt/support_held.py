"""A root with one machine that sits in its firmware and is tagged."""

import contextlib
import shutil
import tempfile
from pathlib import Path

from rig.hosts import HeldRoot
from rig.hosts.domains import firmware_xml
from rig.images import qemu_img

TAG = "11111111-2222-4333-8444-555555555555"


@contextlib.contextmanager
def held_root(view_kind="backup-job"):
    """Sockets want short paths, so the root lies directly in the temporary folder."""
    root = Path(tempfile.mkdtemp(prefix="ss-lv-"))
    try:
        held = HeldRoot(root, view_kind)
        try:
            yield held
        finally:
            held.end()
    finally:
        shutil.rmtree(root, ignore_errors=True)


def image_of(held):
    return held.root / "images" / "a.qcow2"


def with_machine(held):
    qemu_img("create", "-q", "-f", "qcow2", image_of(held), "8M")
    held.define(firmware_xml("a", [image_of(held)]))
    held.ask("enable", machine=held.machine, tag=TAG)
    return held
