"""Which adapter serves a site's platform."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..datapath.encryption import EncryptionKey
from ..domain import errors
from ..fabrics.calling import AgentCalls
from ..fabrics.interface import Fabric

KINDS = ("libvirt", "simulated", "agent")
VIEW_KINDS = ("automatic", "backup-job", "filter")
"""Of libvirt; the first is meant where nothing is said."""


def open_fabric(
    kind: str,
    uri: str,
    work_dir: Path,
    own: Sequence[Path] = (),
    key: EncryptionKey | None = None,
    boot_folders: Sequence[Path] = (),
    view_kind: str = VIEW_KINDS[0],
) -> Fabric:
    """The fabric of `kind` at `uri` (libvirt: a connection URI; simulated: a folder;
    agent: HOST:PORT at which agents call).

    What it must remember besides the platform itself is kept in `work_dir`; `own` are the appliance's
    folders, which a hypervisor that runs as another user may enter; `key` opens encrypted disks; kernels that
    another site's definition names are taken from `boot_folders` alone. `view_kind` is how libvirt freezes
    views of running machines where their QEMU can. Raises InvalidArgument for another kind and FabricError
    when the platform does not answer.
    """
    opened: Any
    require_kinds(kind, view_kind)
    if kind == "agent":
        from ..fabrics import agent

        opened = agent.open_fabric(uri, work_dir, work_dir.parent, key)
    elif kind == "libvirt":
        from ..fabrics import libvirt

        opened = libvirt.open_fabric(uri, work_dir, own, key, boot_folders, view_kind)
    else:
        from ..fabrics import simulated

        opened = simulated.open_fabric(Path(uri), key=key)
    fabric: Fabric = opened
    return fabric


def open_agent_calls(home: Path, at: str) -> AgentCalls:
    """The port for agents of machines that are moved here, at HOST:PORT. Raises InvalidArgument, and
    FabricError if it is taken."""
    from ..fabrics import agent

    return agent.RecoveredAgents(home / agent.AGENTS, agent.listening(at))


def require_address(at: str) -> None:
    """Raises InvalidArgument unless agents could call at `at`."""
    from ..fabrics import agent

    agent.listening(at)


def require_kinds(kind: str, view_kind: str) -> None:
    """Raises InvalidArgument for a platform, or a kind of view, that there is not."""
    if kind not in KINDS:
        raise errors.InvalidArgument(f"There is no fabric '{kind}'.", do=f"Use {' or '.join(KINDS)}.")
    if view_kind not in VIEW_KINDS:
        raise errors.InvalidArgument(
            f"There is no kind of view '{view_kind}'.", do=f"Use one of: {', '.join(VIEW_KINDS)}."
        )
