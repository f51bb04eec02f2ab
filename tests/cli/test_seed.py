"""A shipped copy as an operator uses it: `enable-protection --seed`, over appliances that are killed too."""

import itertools
import json
import os
import random
import subprocess
from pathlib import Path

import pytest

from rig.eventually import eventually
from rig.machines import SimulatedMachine
from secondsite.fabrics import simulated
from secondsite.ground import seams
from secondsite.ground.units import KiB, MiB
from tests.support.entry.typed import parse

pytestmark = pytest.mark.slow

DISK_BYTES = 48 * MiB
CHANGED_BYTES = 40 * 4 * KiB
PROTOCOL_BYTES = 64 * KiB


@pytest.fixture
def shelf(rig):
    """The folder that appliance b may read."""
    folder = rig.folder / "shelf"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture
def filled(rig, tmp_path):
    """A running machine whose disk is full."""
    name = f"full-{tmp_path.name}".lower().replace("_", "-")
    made = SimulatedMachine.make(
        name, rig.home("appliance-a"), disk_bytes=(DISK_BYTES,), network=rig.bridge("a")
    )
    with simulated.Guest(made.home / "fabric", made.fabric_id) as guest:
        for at in range(0, DISK_BYTES, MiB):
            guest.write("vda", at, os.urandom(MiB))
        guest.flush("vda")
    return made


def ship(machine, path: Path):
    """A copy of the disk as it is now, then some changes that it misses."""
    rng = random.Random(3)
    with simulated.Guest(machine.home / "fabric", machine.fabric_id) as guest:
        copy = b"".join(guest.read("vda", at, MiB) for at in range(0, DISK_BYTES, MiB))
        for page in rng.sample(range(DISK_BYTES // (4 * KiB)), CHANGED_BYTES // (4 * KiB)):
            guest.write("vda", page * 4 * KiB, rng.randbytes(4 * KiB))
        guest.flush("vda")
    path.with_suffix(".raw").write_bytes(copy)
    command = ["qemu-img", "convert", "-f", "raw", "-O", "qcow2", str(path.with_suffix(".raw")), str(path)]
    subprocess.run(command, check=True, timeout=60)
    path.with_suffix(".raw").unlink()
    return path


def task(job, name):
    return next(each for each in job["tasks"] if each["name"] == name)


def protect(cli, machine, path, exit_code=0):
    said = cli(f"machine enable-protection {machine.name} --source a --target b --seed vda={path} --json")
    assert said.exit == exit_code, said.out + said.err
    return said.json


def sees_its_disk(rig, cli, machine):
    """The newest point, read by qemu-img, is what the guest has."""
    (point,) = cli.must(f"point list {machine.name} --json").json[:1]
    ours = rig.home("appliance-b") / "store" / "replicas"
    machine_id = cli.must(f"machine show {machine.name} --json").json["id"]
    manifest = json.loads((ours / machine_id / "points" / f"{point['id']}.json").read_text())
    out = rig.folder / "seen.raw"
    file = ours / machine_id / manifest["disks"][0]["file"]
    subprocess.run(["qemu-img", "convert", "-U", "-O", "raw", file, out], check=True, timeout=60)
    with simulated.Guest(machine.home / "fabric", machine.fabric_id) as guest:
        there = b"".join(guest.read("vda", at, MiB) for at in range(0, DISK_BYTES, MiB))
    return out.read_bytes() == there


def test_a_machine_is_protected_from_a_shipped_copy_and_only_the_rest_travels(rig, cli, shelf, filled):
    path = ship(filled, shelf / "web01.qcow2")
    job = protect(cli, filled, path)
    path.unlink()
    brought = task(job, "Import of the seed")
    assert brought["state"] == "succeeded"
    assert brought["facts"]["data_bytes"] == DISK_BYTES
    assert f"imported vda from {path}" in brought["sentence"]
    assert task(job, "Initial replication")["facts"]["wire_bytes"] <= 1.1 * CHANGED_BYTES + PROTOCOL_BYTES
    assert sees_its_disk(rig, cli, filled)


def test_an_appliance_that_is_killed_in_the_import_goes_on_with_it(rig, cli, shelf, filled):
    path = ship(filled, shelf / "killed.qcow2")
    victim, seam_file = rig.appliances["b"], rig.seam_file("appliance-b")
    seams.order(seam_file, 20)
    accepted = cli.must(
        f"machine enable-protection {filled.name} --source a --target b --seed vda={path} --no-wait --json"
    ).json
    # deaths before the import count nothing: each later try comes further
    for reaches in itertools.count(30, 10):
        eventually(lambda: not victim.is_alive, 90)
        if seam_file.with_name(f"{seam_file.name}.hit").read_text().startswith("appliance.replica.seed."):
            break
        seams.order(seam_file, reaches)
        victim.start()
    victim.start()
    assert cli.must(f"job follow {accepted['job_id']} --json").json["state"] == "succeeded"
    job = cli.must(f"job show {accepted['job_id']} --json").json
    assert task(job, "Import of the seed")["state"] == "succeeded"
    assert task(job, "Initial replication")["facts"]["wire_bytes"] <= 1.1 * CHANGED_BYTES + PROTOCOL_BYTES
    assert sees_its_disk(rig, cli, filled)


def test_a_seed_that_may_not_be_read_is_refused_before_anything_is_made(rig, cli, fresh, tmp_path):
    (tmp_path / "secret.raw").write_bytes(bytes(8 * MiB))
    said = cli(
        f"machine enable-protection {fresh} --source a --target b --seed vda={tmp_path / 'secret.raw'}"
    )
    assert said.exit == 1
    assert "failed  Prerequisites check" in said.out
    assert "is not in a folder that this appliance reads seeds from" in said.err
    assert "done    Create replica" not in said.out
    assert cli(f"machine show {fresh}").exit == 3


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("vdz=/media/usb/x.qcow2", "no disk vdz"),
        ("vda=x.qcow2", "absolute path"),
        ("vda", "KEY=PATH"),
        ("other:vda=/media/usb/x.qcow2", "not among the machines"),
    ],
)
def test_a_seed_that_cannot_be_meant_is_wrong_usage(cli, given, says):
    said = cli(f"machine enable-protection idle --source a --target b --seed {given}")
    assert said.exit == 2
    assert says in said.err


def test_of_several_machines_each_seed_names_its_own():
    parse(
        "secondsite machine enable-protection web01 db01 --source a --target b --seed "
        "web01:vda=/media/a.qcow2"
    )
