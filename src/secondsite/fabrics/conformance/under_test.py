"""What the suite needs besides the fabric: ways to act inside the guest and on the host."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from ..interface import Fabric


class FabricUnderTest(Protocol):
    """One fabric with a host where machines may be made, written to and killed.

    Disk keys are those of the inventory's definition. After the test the adapter removes what it made.
    """

    fabric: Fabric
    """The fabric object in use now; `reopen` replaces it."""
    scratch_dir: Path
    """An existing folder for scratch space."""

    @property
    def keeps_bitmaps(self) -> bool:
        """Whether disks keep their bitmaps while the machine is off. Where they do not, a disk whose machine
        was off since the base is compared."""

    @property
    def proves_rest(self) -> bool:
        """Whether disks of a machine that is off prove that nothing was written to them. Block devices and
        network disks do not."""

    has_files: bool
    """Whether disks are files or devices of this host, which keep bitmaps, and which their owner may change
    with other tools."""

    obeys_shutdown: bool
    """Whether the guests power off when asked (a guest that sits in its firmware does not)."""

    def make_machine(self, name: str, disks_bytes: Sequence[int]) -> str:
        """The fabric id of a new machine with empty disks of these sizes, no tag, off or running.

        The adapter may lengthen the name to make it unique; the suite reads the name from the inventory.
        """

    def make_filing_machine(self, name: str) -> str:
        """The fabric id of a new machine with one disk, on which its guest writes to a file system if the
        platform stops nothing else; off or running."""

    def switch_on(self, fabric_id: str) -> None:
        """The machine runs from now on: its platform starts it, or its owner where it stands. Harmless if it
        runs."""

    def make_firmware_machine(self, name: str, nvram: bytes) -> str:
        """The fabric id of a new machine, off, with one empty disk, that keeps these UEFI variables."""

    def make_showing_machine(self, name: str) -> str:
        """The fabric id of a new machine, off, with one empty disk, a screen, and a console that is kept
        here."""

    def say(self, fabric_id: str, text: str) -> None:
        """The guest of a running machine made by `make_showing_machine` writes this to its console. On a
        fabric whose consoles have fixed text it comes after that."""

    def write(self, fabric_id: str, disk_key: str, offset: int, data: bytes) -> None:
        """The guest of a running machine writes and flushes. `data` is one byte value repeated."""

    def stands_still(self, fabric_id: str) -> bool:
        """Whether the guest of a running machine cannot write at this moment."""

    def resize(self, fabric_id: str, disk_key: str, size_bytes: int) -> None:
        """The owner grows a disk of a running machine."""

    def disk_path(self, fabric_id: str, disk_key: str) -> Path:
        """The file that the machine has as this disk now, or that its server has."""

    def take_snapshot(self, fabric_id: str, disk_key: str) -> None:
        """The owner takes an external snapshot of one disk of a running machine: it goes on in a new file."""

    def end_snapshot(self, fabric_id: str, disk_key: str) -> None:
        """The owner merges that file into the one below, while the machine runs."""

    def define_anew(self, fabric_id: str) -> None:
        """Another program defines the machine anew, from a definition of its own without our tag; its
        disks are the same."""

    def kill(self, fabric_id: str) -> None:
        """kill -9 of the process that runs the machine, or of the agent in it."""

    def reopen(self) -> None:
        """Drop the fabric object as if its process had died, and open a new one on the same host."""
