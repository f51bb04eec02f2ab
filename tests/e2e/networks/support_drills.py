"""What drills make of networks on this host, and that nothing of it stays."""

import subprocess
from pathlib import Path

from rig import bridges
from rig.eventually import eventually
from secondsite.fabrics.libvirt.host.serving import dnsmasq


def links(rig):
    """The bridges of this rig's drills, and the cables of their servers."""
    said = bridges.ip("-o", "link", "show", "type", "bridge").splitlines()
    ours = [line for line in said if any(f"secondsite:{tag}" in line for tag in bridges.drills(rig.folder))]
    made = [line.split(":")[1].strip() for line in ours]
    return [end for name in made for end in (name, dnsmasq.cable(name)[0])]


def are_there(names):
    return [name for name in names if Path("/sys/class/net", name).exists()]


def servers(rig):
    """The commands of the DHCP servers that keep their leases in this rig's folder."""
    said = subprocess.run(["ps", "-wweo", "args"], capture_output=True, text=True, check=True, timeout=30)
    return [
        line for line in said.stdout.splitlines() if line.startswith("dnsmasq ") and str(rig.folder) in line
    ]


def served_files(rig):
    return [each for folder in rig.folder.glob("appliance-b/**/served") for each in folder.iterdir()]


def domains(rig):
    """What site b's libvirt has defined."""
    return [each.stem for each in (rig.home("appliance-b") / "fabric" / "etc" / "qemu").glob("*.xml")]


def overlays(rig, name):
    """What the machine's test copy wrote to."""
    return list(rig.replica_folder("b", rig.machine(name).id).glob("runs/drill/*"))


def nothing_is_left(rig, names, made):
    """No copy, no network, no lease, no DHCP server and no overlay."""
    for name in names:
        assert rig.qemus(f"{name}-test") == []
        assert f"{name}-test" not in domains(rig)
        assert overlays(rig, name) == []
        assert rig.machine(name).drill.state == "none"
    eventually(lambda: are_there(made) == [], 10)
    assert links(rig) == []
    assert (servers(rig), served_files(rig)) == ([], [])
