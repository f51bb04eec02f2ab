"""Two simulated sites for the stories of bad input and bad luck: cheap machines, and a target with a small store."""

import contextlib
import hashlib
import json
import shutil
import subprocess
import tempfile
from pathlib import Path

from rig import Rig
from rig.machines import SimulatedMachine
from secondsite.domain.units import MiB
from secondsite.fabrics import simulated
from tests.e2e import support_e2e as e2e

STORE = "small-store"
STORE_MIB = 48
DISK_BYTES = 96 * MiB
PROTECT = ("enable-protection", "web01", "--source", "a", "--target", "b", "--policy", "quick")


@contextlib.contextmanager
def simulated_sites():
    """A rig whose site b keeps its replicas on a small file system, if we may mount one."""
    folder = Path(tempfile.mkdtemp(prefix="secondsite-", dir="/var/tmp"))
    store = folder / STORE
    store.mkdir()
    mounted = mount("-t", "tmpfs", "-o", f"size={STORE_MIB}m", "none", str(store))
    rig = Rig("simulated", folder, appliance_options={"b": ["--store", str(store)]})

    def furnish(site):
        for name in ("web01", "db01") if site == "a" else ():
            rig.machines[name] = SimulatedMachine.make(
                name, rig.home("appliance-a"), disk_bytes=(DISK_BYTES,), network=rig.bridge("a")
            )

    try:
        with rig:
            rig.open(furnish=furnish)
            with rig.client() as client:
                client.add_policy(e2e.policy())
            yield rig
    finally:
        if mounted:
            subprocess.run(["umount", "-l", store], check=True, timeout=10)
            shutil.rmtree(folder)


def mount(*arguments):
    return subprocess.run(["mount", *arguments], capture_output=True, timeout=10, check=False).returncode == 0


def store(rig):
    return rig.folder / STORE


def host(rig):
    return rig.home("appliance-a") / "fabric"


def write(rig, name, offset, data):
    with simulated.Guest(host(rig), rig.machines[name].fabric_id) as guest:
        for at in range(0, len(data), MiB):
            guest.write("vda", offset + at, data[at : at + MiB])
        guest.flush("vda")


def disk_digest(rig, name):
    with simulated.Guest(host(rig), rig.machines[name].fabric_id) as guest:
        found = hashlib.sha256()
        for at in range(0, DISK_BYTES, MiB):
            found.update(guest.read("vda", at, MiB))
        return found.hexdigest()


def stored_points(rig, name):
    """Ids of the points in the target's store, whatever the vault knows."""
    found = store(rig).glob(f"replicas/{e2e.machine(rig, name).id}/points/*.json")
    return {path.stem for path in found}


def point_digest(rig, machine_id, point_id):
    """sha256 of the machine's one disk at a point."""
    folder = store(rig) / "replicas" / machine_id
    manifest = json.loads((folder / "points" / f"{point_id}.json").read_text())
    return e2e.digest(folder / manifest["disks"][0]["file"], rig.folder)
