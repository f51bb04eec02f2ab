"""One libvirt host as a fabric."""

from collections.abc import Callable, Sequence
from pathlib import Path

from ...datapath.encryption import EncryptionKey
from .. import interface
from ..addressing import Addressing
from ..calling import Calling
from ..entering import Entering
from ..reaching import Reaching
from ..scripting import Scripting
from ..seeing import Seeing
from ..settling import Settling
from . import entering, reaching, seeing
from .agent import addressing, looks, scripting
from .consistency import common_pause, freezing
from .host import accelerator, connection, inventory, migration_marks, networks, permissions, power
from .hosting import firmware, hosting, settling
from .tracking import AUTOMATIC, tracking


class LibvirtFabric:
    """Everything that an appliance needs from a libvirt host."""

    def __init__(
        self,
        uri: str,
        work_dir: Path,
        own: Sequence[Path] = (),
        key: EncryptionKey | None = None,
        boot_folders: Sequence[Path] = (),
        view_kind: str = AUTOMATIC,
    ) -> None:
        work_dir = work_dir.absolute()
        work_dir.mkdir(parents=True, exist_ok=True)
        away = migration_marks.MigrationMarks(work_dir / "migrated")
        self._hypervisor = connection.Hypervisor(uri, key, away.heard)
        embedded = self._hypervisor.embedded_root is not None
        folders = permissions.FolderAccess(self._hypervisor, [work_dir, *own])
        self._folders = folders
        agents = freezing.Agents(self._hypervisor, work_dir / "frozen")
        quiescence = common_pause.CommonPause(self._hypervisor, work_dir, agents)
        machines = power.Power(self._hypervisor, away)
        self._looks = looks.GuestLooks(self._hypervisor)
        self.inventory: interface.Inventory = inventory.Inventory(
            self._hypervisor, self._looks.lacking, self._looks.inside
        )
        self.power: interface.Power = machines
        views = tracking.Tracking(
            self._hypervisor, work_dir, agents, folders, machines, view_kind, self._looks.looked
        )
        self.tracking: interface.Tracking = views
        self._views = views
        self.common_pause: interface.CommonPause = quiescence
        self.firmware: interface.Firmware = firmware.Firmware(self._hypervisor)
        self._networks = (
            networks.BridgeNetworks(work_dir / "served", self._hypervisor)
            if embedded
            else networks.LibvirtNetworks(self._hypervisor, work_dir / "spanned")
        )
        self.networks: interface.Networks = self._networks
        machine_host = hosting.Hosting(
            self._hypervisor, work_dir, self.networks, machines, folders, tuple(boot_folders)
        )
        self.hosting: interface.Hosting = machine_host
        settles = settling.Settling(self._hypervisor, work_dir, views, machines, folders, quiescence)
        self.settling: Settling = settles
        self.seeing: Seeing = seeing.Seeing(self._hypervisor, work_dir / "console")
        self.reaching: Reaching = reaching.Reaching(self._hypervisor, self.networks)
        self.entering: Entering = entering.Entering(self._hypervisor, self.networks)
        self.addressing: Addressing = addressing.Addressing(self._hypervisor)
        self.scripting: Scripting = scripting.Scripting(self._hypervisor)
        self.calling: Calling | None = None
        quiescence.release_left_over()
        agents.thaw_left_over()
        views.end_left_over_trials()
        settles.finish_left_over()
        machine_host.end_left_over_trial()

    @property
    def properties(self) -> interface.Properties:
        accelerated = accelerator.kvm_usable()
        note = "KVM does not run guests here: machines are emulated, which is slow."
        return interface.Properties(
            kind="libvirt",
            accelerated=accelerated,
            networks=True,
            notes=() if accelerated else (note,),
        )

    def asks_first(self, look: Callable[[str], bool]) -> None:
        """No machine here asks at its boot."""

    def also_enters(self, folders: Callable[[], Sequence[Path]]) -> None:
        self._folders.further = folders

    def close(self) -> None:
        self._looks.close()
        self._views.close()
        self._networks.close()
        self._hypervisor.close()
