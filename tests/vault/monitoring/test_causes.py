"""Each alert's cause is brought about at two simulated sites: it fires then, and not before. A real
Prometheus looks on."""

import contextlib
import json
import os
import signal
import tempfile
import time
from pathlib import Path

import pytest

from rig import Rig, small_store
from rig.eventually import eventually
from secondsite.ground.units import MiB
from tests.vault.monitoring.support_prometheus import Prometheus, require

pytestmark = [pytest.mark.every, pytest.mark.slow, pytest.mark.longest, pytest.mark.timeout(1200)]
PATIENCE = 180
WRITTEN = b"what the machine wrote " * 1000
STORE, SCRATCH = 512 * MiB, 128 * MiB
NEVER, BACKUP = "SecondsiteNeverDrilled", "SecondsiteBackupOld"


class World:
    """A protected machine, and who looks on."""

    def __init__(self, rig, watch):
        self.rig, self.watch = rig, watch
        self.store, self.scratch = rig.folder / "store-b", rig.folder / "scratch-b"

    def fires(self, name):
        try:
            eventually(lambda: name in self.watch.firing(), PATIENCE)
        except AssertionError as missed:
            raise AssertionError(f"{name} is silent; {self.watch.state()}") from missed

    def is_silent(self, name):
        eventually(lambda: name not in self.watch.firing(), PATIENCE)

    @contextlib.contextmanager
    def filled(self, folder):
        """So that a twentieth of its file system is left."""
        space, file = os.statvfs(folder), folder / "somebody-else's"
        left = space.f_bavail * space.f_frsize - space.f_blocks * space.f_frsize // 20
        try:
            with file.open("wb") as opened:
                os.posix_fallocate(opened.fileno(), 0, left)
            yield
        finally:
            file.unlink()


@pytest.fixture(scope="module")
def world():
    require()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ss-", dir="/var/tmp")))
        rig_folder = folder / "rig"
        rig_folder.mkdir()
        words = []
        for kind, size in (("store", STORE), ("scratch", SCRATCH)):
            place = rig_folder / f"{kind}-b"
            try:
                stack.enter_context(small_store.mounted(place, size))
            except small_store.NoRight as problem:
                pytest.skip(str(problem))
            words += [f"--{kind}", str(place)]
        rig = Rig("simulated", rig_folder, appliance_options={"b": words}, forked=True)
        stack.enter_context(rig)
        rig.open(furnish=lambda site: _furnish(rig, site))
        with rig.client() as vault:
            vault.policies.create(
                "short", rpo_threshold_seconds=60, crash_consistent_every_seconds=10, cycle_seconds=1
            )
            vault.machines["web01"].enable_protection("a", "b", policy="short").wait()
        found = World(rig, stack.enter_context(Prometheus(folder, rig.url, rig.home("vault"))))
        eventually(lambda: found.watch.firing() == {NEVER, BACKUP}, PATIENCE)
        _drill_and_back_up(rig)
        eventually(lambda: found.watch.firing() == set(), PATIENCE)
        yield found


def _furnish(rig, site):
    for name in ("web01", "web02") if site == "a" else ():
        rig.make_simulated(name, site, disk_bytes=(8 * MiB,)).write(MiB, WRITTEN)


def _drill_and_back_up(rig):
    with rig.client() as vault:
        vault.machines["web01"].test_failover(network="none").wait()
        vault.machines["web01"].cleanup_test_failover(notes="it boots").wait()
    phrase = rig.folder / "phrase"
    phrase.write_text("what nobody guesses\n")
    phrase.chmod(0o600)
    words = ("vault", "backup", rig.folder / "file", "--home", rig.home("vault"), "--passphrase-file", phrase)
    assert rig.cli(*map(str, words)).returncode == 0


def test_two_sites_with_a_machine_that_was_drilled_and_a_backup_are_watched_in_silence(world):
    """Before that the two alerts fired that tell of nothing else: see `world`."""
    for name in ("store", "scratch"):
        used = f"secondsite_{name}_free_bytes / secondsite_{name}_size_bytes <= 1"
        eventually(lambda used=used: len(world.watch.value(used)) >= 2, PATIENCE)


def test_a_store_that_fills_fires(world):
    with world.filled(world.store):
        world.fires("SecondsiteStoreFills")
    world.is_silent("SecondsiteStoreFills")


def test_scratch_space_that_fills_fires(world):
    with world.filled(world.scratch):
        world.fires("SecondsiteScratchFills")
    world.is_silent("SecondsiteScratchFills")


def test_a_store_that_is_away_fires_and_so_does_a_job_that_fails_for_it(world):
    mark = world.store / "store.json"
    aside = mark.rename(world.store / "aside")
    try:
        world.fires("SecondsiteStoreProblem")
        with world.rig.client() as vault:
            job = vault.machines["web02"].enable_protection("a", "b").wait(must_succeed=False)
        assert job.state == "failed"
        world.fires("SecondsiteJobFailed")
    finally:
        aside.rename(mark)
    world.is_silent("SecondsiteStoreProblem")


def test_a_damaged_point_fires(world):
    with world.rig.client() as vault:
        machine = vault.machines["web01"].show()
        point = list(vault.machines["web01"].points.list())[-1]
    for path in (world.store / "replicas" / machine.id / "disks").rglob("*.qcow2"):
        at = path.read_bytes().find(WRITTEN)
        if at >= 0:
            with path.open("r+b") as file:
                file.seek(at)
                file.write(WRITTEN[:1].upper())
    world.rig.cli("point", "verify", "web01", point.id)
    world.fires("SecondsitePointsDamaged")


def test_a_process_that_stands_still_for_seconds_fires(world):
    for_seconds, pid = 4, world.rig.vault.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        time.sleep(for_seconds)  # that is what befalls it
    finally:
        os.kill(pid, signal.SIGCONT)
    world.fires("SecondsiteLoopLag")


def test_a_certificate_that_ends_within_two_weeks_fires(world):
    rig, file = world.rig, world.rig.home("vault") / "vault.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "appliance_certificate_days": 10}))
    rig.vault.kill()
    rig.vault.start()
    rig.wait_connected()
    host = rig.add_host("b")
    with rig.client() as vault:
        vault.appliances[f"appliance-{host}"].drain()  # so that nothing of other tests is placed there
    world.fires("SecondsiteCertificateEnds")


def test_an_appliance_that_is_away_fires_and_so_does_what_gets_old_meanwhile(world):
    names = ("SecondsiteApplianceAway", "SecondsiteRpoExceeded", "SecondsiteFindingCritical")
    for name in names[:2]:
        world.is_silent(name)
    world.rig.appliances["a"].kill()
    for name in names:
        world.fires(name)
    world.rig.appliances["a"].start()
    for name in names[:2]:
        world.is_silent(name)


def test_a_vault_that_is_gone_fires(world):
    world.rig.vault.kill()
    world.fires("SecondsiteVaultSilent")
    world.rig.vault.start()
    world.is_silent("SecondsiteVaultSilent")
