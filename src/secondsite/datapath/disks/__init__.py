"""Disks as bytes: image files through qemu-img, and served over NBD by a storage daemon.

Its rooms:

    nbd_disk        a disk behind a unix socket
    collected_disk  blocks that were read already, in a file
    buffers         chunk buffers that are used again
    nbd_contexts    reads what an NBD server says about extents
    writes          writes with several in flight
    image           disk image files through qemu-img
    qcow2_resize    makes images larger and smaller, at the cost of their data
    named_files     the other files that an image's header names
    same_files      whether two paths lead to one file, and the files that a disk is read from
    qcow2_extent    the parts of a disk in which a chain of images may hold data
    qcow2_sum       the sum of layers as one more file, their data shared
    network_disk    a disk that QEMU reads over the network
    image_locks     whether somebody writes to an image
    blank           fresh plain images for scratch space
    file_system     file systems that fill a whole disk, told and made anew
    luks_blank      fresh encrypted images
    luks_header     LUKS headers that are copies of one
    qmp             QEMU's control protocol
    storage_daemon  one qemu-storage-daemon
    daemon_process  its process: start, death, end
"""

from ..errors import QmpRefused
from . import (
    blank,
    file_system,
    image,
    image_locks,
    luks_blank,
    luks_header,
    named_files,
    qcow2_resize,
    qcow2_sum,
    same_files,
)
from .buffers import Buffers
from .collected_disk import CollectedDisk
from .image import ImageFacts
from .nbd_disk import STATUS_BYTES, NbdDisk
from .network_disk import DiskLocation, NetworkDisk
from .qmp import QmpClient
from .storage_daemon import StorageDaemon
from .writes import Writes

__all__ = [
    "STATUS_BYTES",
    "Buffers",
    "CollectedDisk",
    "DiskLocation",
    "ImageFacts",
    "NbdDisk",
    "NetworkDisk",
    "QmpClient",
    "QmpRefused",
    "StorageDaemon",
    "Writes",
    "blank",
    "file_system",
    "image",
    "image_locks",
    "luks_blank",
    "luks_header",
    "named_files",
    "qcow2_resize",
    "qcow2_sum",
    "same_files",
]
