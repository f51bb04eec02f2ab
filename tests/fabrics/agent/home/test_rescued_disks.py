"""Disks of a rescued machine as files here, by the real agent on loop devices and the real link."""

import contextlib
import multiprocessing
import os
import secrets
import signal
import subprocess
import time
from concurrent import futures
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from rig.eventually import eventually
from secondsite.datapath.replica.record import base_files
from secondsite.domain import errors
from secondsite.fabrics.agent import merging
from secondsite.fabrics.agent.homecoming import AgentHosting
from secondsite.fabrics.agent.last_views import LastViews
from secondsite.fabrics.agent.link import AgentRefused, Agents
from secondsite.fabrics.agent.records import Records
from secondsite.fabrics.agent.rescued import RescuedDisks, disks, mounts, told
from secondsite.ground import seams
from secondsite.ground.units import MiB
from tests.fabrics.agent import support_link as support

pytestmark = [
    *support.needs_agent,
    pytest.mark.skipif(not Path("/dev/fuse").exists(), reason="this host has no FUSE"),
]


@pytest.fixture
def machine(agents, make_disk, make_machine):
    """A machine that calls from its rescue system, with one disk."""
    made = make_machine(make_disk())
    assert made.enroll(agents.port, agents.new_key()).returncode == 0
    made.agent_id = agents.known()[0].agent_id
    made.keys = {"sda": made.disks[0].key}
    return called(agents, made)


def called(agents, made, verb="rescue"):
    made.run(verb)
    eventually(lambda: agents.known()[0].connected, support.PATIENCE)
    return made


@pytest.fixture
def rescued(agents, folder):
    made = RescuedDisks(folder / "rescued", agents)
    yield made
    made.stop()


def read(path, length=MiB, offset=0):
    with path.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        return os.pread(file.fileno(), length, offset)


def write(path, data, offset=0):
    descriptor = os.open(path, os.O_WRONLY)
    try:
        view = memoryview(data)
        while view:
            written = os.pwrite(descriptor, view, offset)
            view, offset = view[written:], offset + written
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def test_a_disk_is_a_file_and_what_is_written_there_lies_on_the_disk(machine, rescued):
    path = rescued.attach(machine.agent_id, machine.keys)["sda"]
    disk = machine.disks[0]
    assert path.stat().st_size == len(disk.content)
    assert path.read_bytes() == disk.content
    data = secrets.token_bytes(3 * MiB)
    write(path, data, 5 * MiB + 512)
    assert rescued.attach(machine.agent_id, machine.keys)["sda"] == path
    rescued.detach(machine.agent_id)
    assert not path.exists()
    assert disk.file.read_bytes() == disk.content[: 5 * MiB + 512] + data + disk.content[8 * MiB + 512 :]


def test_holes_read_as_zeros_at_once_and_on_the_disk(machine, rescued):
    path = rescued.attach(machine.agent_id, machine.keys)["sda"]
    command = [
        "qemu-io",
        "-f",
        "raw",
        "-d",
        "unmap",
        "-c",
        "write -z -u 1M 4M",
        "-c",
        "read -P 0 1M 4M",
        path,
    ]
    said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    assert "failed" not in said
    rescued.detach(machine.agent_id)
    assert machine.disks[0].file.read_bytes()[MiB : 5 * MiB] == bytes(4 * MiB)


def test_layers_above_are_merged_into_the_disk(machine, rescued, folder):
    path = rescued.attach(machine.agent_id, machine.keys)["sda"]
    layer = folder / "layer.qcow2"
    for command in (
        ["qemu-img", "create", "-q", "-f", "qcow2", "-b", path, "-F", "raw", layer],
        ["qemu-io", "-c", "write -P 7 2M 1M", "-c", "write -z 9M 1M", layer],
        ["qemu-img", "commit", "-q", layer],
    ):
        subprocess.run(command, check=True, capture_output=True, timeout=60)
    rescued.detach(machine.agent_id)
    content = machine.disks[0].file.read_bytes()
    assert (content[2 * MiB : 3 * MiB], content[9 * MiB : 10 * MiB]) == (b"\7" * MiB, bytes(MiB))


def test_what_a_replica_noted_of_it_stays_true_until_the_machine_is_started_again(
    machine, rescued, monkeypatch
):
    path = rescued.attach(machine.agent_id, machine.keys)["sda"]
    noted = base_files.seen(path, "raw")
    time.sleep(1.1)  # its times say now
    write(path, b"ours")
    assert base_files.seen(path, "raw") == noted
    rescued.detach(machine.agent_id)
    real = told.start
    monkeypatch.setattr(told, "start", lambda said: real(said).model_copy(update={"boot": "another"}))
    rescued.attach(machine.agent_id, machine.keys)
    assert base_files.seen(path, "raw") != noted


def test_a_machine_that_comes_back_soon_is_written_on(agents, machine, rescued, folder):
    path = rescued.attach(machine.agent_id, machine.keys)["sda"]
    data = secrets.token_bytes(48 * MiB)
    (folder / "data").write_bytes(data)
    command = ["dd", f"if={folder / 'data'}", f"of={path}", "bs=64k", "conv=notrunc,fsync", "oflag=direct"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as writing:
        eventually(lambda: machine.disks[0].file.read_bytes()[:512] == data[:512], support.PATIENCE)
        machine.kill()
        called(agents, machine)
        assert writing.wait(support.PATIENCE) == 0
    assert machine.disks[0].file.read_bytes()[: len(data)] == data


def test_a_program_that_is_started_while_a_file_is_open_here_stops_nobody(machine, rescued):
    path = rescued.attach(machine.agent_id, machine.keys)["sda"]
    with path.open("r+b", buffering=0) as file:
        file.write(b"dirty")
        subprocess.run(["true"], check=True, timeout=10)
    assert read(path, 5) == b"dirty"


def test_a_machine_that_was_started_anew_meanwhile_is_not_restarted(machine, rescued, monkeypatch):
    path = rescued.attach(machine.agent_id, machine.keys)["sda"]
    noted = base_files.seen(path, "raw")
    real = told.start
    monkeypatch.setattr(told, "start", lambda said: real(said).model_copy(update={"boot": "another"}))
    with pytest.raises(errors.FabricError, match="started anew"):
        rescued.restart(machine.agent_id)
    rescued.attach(machine.agent_id, machine.keys)
    assert base_files.seen(path, "raw") != noted


@pytest.fixture
def layer(machine, rescued, folder):
    """A layer above the attached disk, and the content that both give."""
    path = rescued.attach(machine.agent_id, machine.keys)["sda"]
    made, size = folder / "layer.qcow2", len(machine.disks[0].content)
    writes = ["-c", "write -P 7 0 64k", "-c", "write -P 8 2M 1M", "-c", "write -z 9M 1M"]
    for command in (
        ["qemu-img", "create", "-q", "-f", "qcow2", "-b", path, "-F", "raw", made],
        ["qemu-io", *writes, "-c", f"write -P 9 {size - 512} 512", made],
    ):
        subprocess.run(command, check=True, capture_output=True, timeout=60)
    content = bytearray(machine.disks[0].content)
    content[:65536], content[2 * MiB : 3 * MiB] = b"\7" * 65536, b"\x08" * MiB
    content[9 * MiB : 10 * MiB], content[size - 512 :] = bytes(MiB), b"\x09" * 512
    return made, bytes(content)


def merge(machine, rescued, folder, top):
    path = rescued.attach(machine.agent_id, machine.keys)["sda"]
    disk = merging.Merge(top, path, rescued.half_written(machine.agent_id, "sda"))
    told: list[float] = []
    merging.merge(folder / "merging", [disk], progress=told.append)
    return told


def test_a_merge_writes_all_that_lies_above_and_leaves_the_layer(machine, rescued, layer, folder):
    top, content = layer
    before = top.read_bytes()
    told = merge(machine, rescued, folder, top)
    assert told == sorted(set(told))
    assert told[-1] == 1.0
    rescued.require_same_start(machine.agent_id)
    rescued.detach(machine.agent_id)
    assert machine.disks[0].file.read_bytes() == content
    assert top.read_bytes() == before


@pytest.mark.parametrize("seam", ["agent.merge.begun", "agent.merge.written"])
def test_a_machine_starts_from_no_disk_that_is_half_written(machine, rescued, layer, folder, seam):
    top, content = layer

    def die(name):
        if name == seam:
            raise OSError("killed")

    with seams.armed(die), pytest.raises(errors.FabricError, match="killed"):
        merge(machine, rescued, folder, top)
    with pytest.raises(errors.FabricError, match="half written"):
        rescued.restart(machine.agent_id)
    rescued.detach(machine.agent_id)
    half = machine.disks[0].file.read_bytes()
    assert half[:MiB] == half[-MiB:] == bytes(MiB)
    merge(machine, rescued, folder, top)
    rescued.detach(machine.agent_id)
    assert machine.disks[0].file.read_bytes() == content
    assert not (folder / "rescued" / machine.agent_id).exists()


def test_a_merge_that_is_given_up_damages_what_stands_on_the_disk(machine, rescued, layer, folder):
    top, _ = layer
    path = rescued.attach(machine.agent_id, machine.keys)["sda"]
    noted = base_files.seen(path, "raw")

    def die(name):
        raise OSError("killed")

    with seams.armed(die), pytest.raises(errors.FabricError):
        merge(machine, rescued, folder, top)
    assert base_files.seen(path, "raw") == noted
    rescued.say_changed(machine.agent_id)
    assert base_files.seen(path, "raw") != noted
    assert not rescued.half_written(machine.agent_id, "sda").exists()


class AwayAgents:
    """The agents, who seem away when that is wanted."""

    def __init__(self, agents):
        self.agents, self.is_away = agents, False

    def find(self, agent_id):
        return next((each for each in self.known() if each.agent_id == agent_id), None)

    def known(self):
        return () if self.is_away else self.agents.known()

    def __getattr__(self, name):
        return getattr(self.agents, name)


def test_what_waits_for_a_silent_machine_fails_in_time_and_the_file_comes_back_with_it(
    agents, machine, folder, monkeypatch
):
    monkeypatch.setattr(disks, "AWAY_SECONDS", 1.0)
    monkeypatch.setattr(disks, "AGAIN_SECONDS", 0.0)
    seen = AwayAgents(agents)
    rescued = RescuedDisks(folder / "rescued", seen)
    try:
        path = rescued.attach(machine.agent_id, machine.keys)["sda"]
        machine.process.send_signal(signal.SIGSTOP)
        seen.is_away = True
        with futures.ThreadPoolExecutor(1) as pool:
            reading = pool.submit(read, path, MiB, 32 * MiB)
            time.sleep(1.5)
            assert not reading.done()
            rescued.look()
            with pytest.raises(OSError):
                reading.result(10)
        with pytest.raises(OSError):
            path.stat()
        machine.process.send_signal(signal.SIGCONT)
        seen.is_away = False
        eventually(lambda: back(rescued, path), support.PATIENCE)
        assert read(path) == machine.disks[0].content[:MiB]
    finally:
        machine.process.send_signal(signal.SIGCONT)
        rescued.stop()


def back(rescued, path):
    with contextlib.suppress(errors.SecondsiteError):
        rescued.look()
    return os.path.exists(path)


def attach_and_wait(folder, port, agent_id, keys, ready):
    agents = Agents(folder / "agents", ("127.0.0.1", port))
    agents.start()
    eventually(lambda: agents.known()[0].connected, support.PATIENCE)
    RescuedDisks(folder / "rescued", agents).attach(agent_id, keys)
    ready.set()
    time.sleep(600)


def test_the_next_process_attaches_what_a_killed_one_had(agents, machine, folder):
    port = agents.port
    agents.close()
    spawn = multiprocessing.get_context("spawn")
    ready = spawn.Event()
    first = spawn.Process(
        target=attach_and_wait, args=(folder, port, machine.agent_id, machine.keys, ready), daemon=True
    )
    first.start()
    assert ready.wait(support.PATIENCE)
    path = folder / "rescued" / machine.agent_id / "sda"
    assert mounts.is_mounted(path)
    first.kill()
    first.join(10)
    with contextlib.closing(Agents(folder / "agents", ("127.0.0.1", port))) as second:
        second.start()
        eventually(lambda: second.known()[0].connected, support.PATIENCE)
        rescued = RescuedDisks(folder / "rescued", second)
        rescued.look()
        assert read(path) == machine.disks[0].content[:MiB]
        rescued.detach(machine.agent_id)
        assert not mounts.is_mounted(path)


def test_what_cannot_be_attached_is_named(machine, rescued, agents):
    with pytest.raises(errors.FabricError, match="has no disk serial:X, which is sdb"):
        rescued.attach(machine.agent_id, {**machine.keys, "sdb": "serial:X"})
    assert not rescued.path(machine.agent_id, "sda").exists()
    machine.close()
    eventually(lambda: not agents.known()[0].connected, support.PATIENCE)
    called(agents, machine, "run")
    with pytest.raises(errors.FabricError, match="runs its own system"):
        rescued.attach(machine.agent_id, machine.keys)


def test_a_disk_in_use_there_is_named_with_its_use(agents, make_disk, make_machine, rescued, folder):
    disk = make_disk()
    subprocess.run(["mkfs.ext4", "-q", "-F", disk.device], check=True, timeout=60)
    place = folder / "mounted"
    place.mkdir()
    subprocess.run(["mount", disk.device, place], check=True, timeout=60)
    try:
        machine = make_machine(disk)
        assert machine.enroll(agents.port, agents.new_key()).returncode == 0
        called(agents, machine)
        with pytest.raises(errors.FabricError, match=f"running system has {place} on it"):
            rescued.attach(agents.known()[0].agent_id, {"sda": disk.key})
    finally:
        subprocess.run(["umount", place], check=True, timeout=60)


def test_a_machine_that_is_not_there_for_its_rescue_alone_is_not_restarted(machine, rescued):
    path = rescued.attach(machine.agent_id, machine.keys)["sda"]
    with pytest.raises(AgentRefused, match="rescue alone"):
        rescued.restart(machine.agent_id)
    assert not path.exists()


@pytest.mark.parametrize("key", ["../x", "sda/..", "SDA", ""])
def test_a_key_that_is_no_name_of_a_file_is_refused(rescued, key):
    with pytest.raises(errors.InvalidArgument):
        rescued.path("155b99cd-737b-4f9c-8e3b-1f6590f0720d", key)


@pytest.mark.parametrize("seam", ["agent.merge.begun", "agent.merge.written"])
def test_of_several_disks_none_has_its_ends_before_all_are_merged(folder, seam):
    """A machine whose power failed between two disks would start from one of two times."""
    pairs = [_on_a_file(folder, name) for name in ("sda", "sdb")]

    def die(name):
        if name == seam:
            raise OSError("killed")

    with seams.armed(die), pytest.raises(errors.FabricError, match="killed"):
        merging.merge(folder / "merging", pairs)
    for each in pairs:
        half = each.base.read_bytes()
        assert half[:MiB] == half[-MiB:] == bytes(MiB)
    merging.merge(folder / "merging", pairs)
    for each in pairs:
        whole = b"\5" * (4 * MiB) + b"\7" * MiB + b"\5" * (3 * MiB)
        assert each.base.read_bytes() == whole
        assert not each.kept.exists()


def _on_a_file(folder, name):
    base, overlay = folder / f"{name}.raw", folder / f"{name}.qcow2"
    base.write_bytes(b"\5" * (8 * MiB))
    create = ["qemu-img", "create", "-q", "-f", "qcow2", "-b", base, "-F", "raw", overlay]
    subprocess.run(create, check=True, timeout=60)
    write = ["qemu-io", "-c", "write -P 7 4M 1M", overlay]
    subprocess.run(write, check=True, capture_output=True, timeout=60)
    return merging.Merge(overlay, base, folder / f"{name}.half")


@pytest.fixture
def hosting(agents, rescued, folder):
    records, nobody = Records(folder / "machines"), cast(LastViews, None)
    return AgentHosting(agents, records, nobody, rescued, folder / "merge", None), records


def test_disks_of_a_machine_that_does_not_come_home_after_all_are_its_own_again(
    agents, machine, rescued, hosting, monkeypatch
):
    monkeypatch.setattr(AgentHosting, "is_rescued", lambda *_: True)
    hosting, records = hosting
    records.change(machine.agent_id, keys=machine.keys, withdrawn=True)
    hosting.look()
    path = rescued.path(machine.agent_id, "sda")
    assert path.exists()
    hosting.restore(SimpleNamespace(fabric_id=machine.agent_id), None)
    hosting.look()
    assert not path.exists()
    assert agents.ask(machine.agent_id, "status", 15.0)["writers"] == 0
