"""Helper machines: a machine of our own reads what a guest wrote, so that no program of the host has to.

A guest's file system is whatever its owner, or an intruder there, made of it; a kernel that mounts it may
crash, or worse. So a QEMU without a network card, and without the rights of the appliance, boots the host's
kernel with a few of its programs, mounts the disks, and answers requests. What it says is judged as what a
stranger says.

Its modules:

    reading         what is asked of a helper machine: volumes, folders, archives
    machine         the process: made, bounded, ended
    dialogue        requests and answers, with deadlines
    answers         what it answers, judged
    archive         the stream of files, judged member by member
    extracting      members of an archive become files below one folder, and nowhere else
    judged_archive  or an archive for a person
    image           the initramfs, of the host's kernel modules and programs
    kernel          the host's kernel
    programs        programs of the host, with their libraries
    cpio            the form of an initramfs

helper_init.sh is what runs in the machine.
"""

from . import machine
from .answers import File, Volume
from .extracting import Extracted
from .machine import Export
from .reading import Reader, reader

__all__ = ["Export", "Extracted", "File", "Reader", "Volume", "machine", "reader"]
