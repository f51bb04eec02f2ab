"""Two simulated sites for the stories of bad input and bad luck: cheap machines, and a target with a small
store."""

import contextlib
import hashlib
import shutil
import tempfile
from pathlib import Path

from rig import Rig, images, small_store
from secondsite.fabrics.interface import PowerState
from secondsite.fabrics.simulated import open_fabric
from secondsite.ground.units import MiB
from tests.support import policies

STORE = "small-store"
STORE_BYTES = 48 * MiB
DISK_BYTES = 96 * MiB
PROTECT = ("enable-protection", "web01", "--source", "a", "--target", "b", "--policy", "quick")


@contextlib.contextmanager
def simulated_sites():
    """A rig whose site b keeps its replicas on a small file system, if we may mount one."""
    with contextlib.ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="secondsite-", dir="/var/tmp"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        store = folder / STORE
        try:
            stack.enter_context(small_store.mounted(store, STORE_BYTES))
        except small_store.NoRight:
            pass  # a large one serves all stories but those of a full store
        rig = stack.enter_context(
            Rig("simulated", folder, appliance_options={"b": ["--store", str(store)]}, forked=True)
        )

        def furnish(site):
            for name in ("web01", "db01") if site == "a" else ():
                rig.make_simulated(name, disk_bytes=(DISK_BYTES,))

        rig.open(furnish=furnish)
        with rig.client() as vault:
            vault.policies.create(**policies.quick().model_dump())
        yield rig


def host(rig, site):
    """The folder of the site's simulated hypervisor."""
    return rig.home(f"appliance-{site}") / "fabric"


def copies(rig):
    """The sites at which a copy of web01 runs, as the fabrics say."""
    found = [(site, each) for site in ("a", "b") for each in open_fabric(host(rig, site)).inventory.list()]
    return [site for site, each in found if each.name == "web01" and each.power is PowerState.RUNNING]


def store(rig):
    return rig.folder / STORE


def disk_digest(rig, name):
    return hashlib.sha256(rig.simulated[name].read()).hexdigest()


def stored_points(rig, name):
    """Ids of the points in the target's store, whatever the vault knows."""
    found = store(rig).glob(f"replicas/{rig.machine(name).id}/points/*.json")
    return {path.stem for path in found}


def point_digest(rig, machine_id, point_id):
    """sha256 of the machine's one disk at a point."""
    return images.point_digests(store(rig) / "replicas" / machine_id, point_id)["vda"]


def hosts_that_run(rig, hosts, name):
    """Those of the hosts at which a machine of this name runs, as they say themselves."""
    found = []
    for host in hosts:
        fabric = open_fabric(rig.home(f"appliance-{host}") / "fabric")
        try:
            found += [
                host for each in fabric.inventory.list() if (each.name, each.power) == (name, "running")
            ]
        finally:
            fabric.close()
    return found
