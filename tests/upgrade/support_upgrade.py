"""The homes that a release left, brought to life here: unpacked where they were, listening on ports that
are free."""

import contextlib
import fcntl
import json
import tarfile
from pathlib import Path

from rig import Rig, processes
from rig.eventually import eventually
from secondsite.fabrics import simulated
from tests.upgrade import support_recent as recent
from tests.upgrade.fixture_record import sha256

FIXTURES = Path(__file__).parent / "fixtures"
SITES = ("a", "b")
CONNECT_SECONDS = 60


def said_of(release):
    """What the fixture held when it was made."""
    return json.loads((FIXTURES / f"{release}.json").read_text())


def unpack(release, folder):
    with tarfile.open(FIXTURES / f"{release}.tar.xz") as archive:
        archive.extraction_filter = getattr(
            tarfile, "tar_filter", None
        )  # Pythons that have it warn without it
        archive.extractall(folder)


@contextlib.contextmanager
def brought_back(release):
    """A rig on the homes of the release, with nothing started. One at a time on this host: homes have one
    place."""
    folder = Path(said_of(release)["folder"])
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        Rig.remove(folder)
        folder.mkdir(mode=0o700)
        unpack(release, folder)
        with Rig("simulated", folder, forked=True) as rig:
            for site in SITES:
                _know_the_unpacked_disks(rig.home(f"appliance-{site}") / "fabric")
            _move_to_free_ports(rig)
            recent.make(rig.home("vault") / "vault.db", said_of(release)["made_at"])
            yield rig


def _know_the_unpacked_disks(fabric):
    """A bitmap counts for the file that had this inode (P17), and these are meant to be those files."""
    for path in (fabric / "machines").glob("*.json"):
        record = json.loads(path.read_text())
        inodes = {disk["key"]: Path(disk["path"]).stat().st_ino for disk in record["definition"]["disks"]}
        for counted in record["images"].values():
            counted.update({key: inodes[key] for key in counted if key in inodes})
        path.write_text(json.dumps(record))


def _move_to_free_ports(rig):
    """As an operator would who moves a vault to other ports."""
    control = processes.free_port()
    vault = rig.home("vault")
    _change(vault / "vault.json", rest_port=int(rig.url.rpartition(":")[2]), control_port=control)
    _change(vault / "client.json", url=rig.url)
    for site in SITES:
        path = rig.home(f"appliance-{site}") / "appliance.json"
        _change(path, control_url=f"wss://127.0.0.1:{control}")


def _change(path, **values):
    settings = json.loads(path.read_text())
    assert set(values) <= set(settings), f"{path} has no {set(values) - set(settings)}"
    path.write_text(json.dumps({**settings, **values}))


# ---- processes
# -------------------------------------------------------------------------------------------------------


def start_appliance(rig, site):
    """Waits until the vault has heard of it."""
    rig.appliances[site].start()
    eventually(lambda: _is_connected(rig, site), CONNECT_SECONDS)


def _is_connected(rig, site):
    with rig.client() as vault:
        return any(each.connected for each in vault.appliances if each.site == site)


# ---- hosts and their machines
# ----------------------------------------------------------------------------------------


def fabric(rig, site):
    return rig.home(f"appliance-{site}") / "fabric"


def machines_at(rig, site):
    """Fabric ids by name, of all that the host knows."""
    found = (json.loads(path.read_text()) for path in (fabric(rig, site) / "machines").glob("*.json"))
    return {record["definition"]["name"]: record["definition"]["fabric_id"] for record in found}


def power(rig, site):
    return simulated.open_fabric(fabric(rig, site)).power


def switch_on(rig, site, *names):
    """What the host's owner does after a power cut."""
    for name in names:
        power(rig, site).start(machines_at(rig, site)[name])


@contextlib.contextmanager
def guest(rig, site, name):
    with simulated.Guest(fabric(rig, site), machines_at(rig, site)[name]) as found:
        yield found


def digests(rig, site, name):
    """sha256 of each disk of a machine that runs, as its guest reads it."""
    with guest(rig, site, name) as found:
        return {key: sha256(found.read(key, 0, found.size_bytes(key))) for key in found.keys}
