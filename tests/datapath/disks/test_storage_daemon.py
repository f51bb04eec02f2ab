import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import nbd
import pytest

from rig.eventually import eventually
from secondsite.datapath import errors
from secondsite.datapath.disks import NbdDisk, QmpRefused, StorageDaemon, daemon_process, image, qmp
from secondsite.datapath.extents import Extent
from secondsite.ground.units import MiB
from tests.datapath.support_chain import qemu_img


def test_an_image_is_served_over_nbd_and_let_go_again(daemon, tmp_path):
    path = tmp_path / "a.qcow2"
    image.create(path, 4 * MiB)
    uri = daemon.serve(path, "disk a", writable=True)
    client = nbd.NBD()
    client.connect_uri(uri.replace(" ", "%20"))
    client.pwrite(b"x" * 4096, 0)
    client.shutdown()
    daemon.unserve("disk a")
    daemon.unserve("disk a")
    assert (
        subprocess.run(["qemu-io", "-c", "read -P 0x78 0 4k", path], timeout=30, check=False).returncode == 0
    )


def test_a_read_only_export_carries_its_dirty_bitmap(daemon, tmp_path):
    path = tmp_path / "a.qcow2"
    image.create(path, 4 * MiB)
    qemu_img("bitmap", "--add", path, "since")
    daemon.serve(path, "a", bitmaps=["since"])
    client = nbd.NBD()
    client.add_meta_context("qemu:dirty-bitmap:since")
    client.connect_uri(daemon.uri("a"))
    assert client.can_meta_context("qemu:dirty-bitmap:since")
    client.shutdown()


@pytest.mark.parametrize("kept_events", [0, qmp.KEPT_EVENTS])
def test_an_export_whose_store_stood_still_for_longer_than_its_end_was_waited_for_ends_once_it_goes_on(
    daemon, tmp_path, monkeypatch, kept_events
):
    monkeypatch.setattr(qmp, "KEPT_EVENTS", kept_events)
    path, store = tmp_path / "a.qcow2", StorageDaemon(tmp_path / "store")
    image.create(path, MiB)
    store.serve(path, "a", writable=True)
    place = {"type": "unix", "path": str(store.nbd_socket)}
    daemon.add_node({"driver": "nbd", "node-name": "far", "server": place, "export": "a", "read-only": False})
    daemon.export("far", "far", writable=True)
    disk = NbdDisk(daemon.nbd_socket, "far")
    assert store.pid is not None
    os.kill(store.pid, signal.SIGSTOP)
    disk.begin_write(b"x" * 4096, 0)
    for _ in range(2):
        with pytest.raises(errors.StorageDaemonGone, match="did not end"):
            daemon.unexport("far", deadline_seconds=0.3)
    os.kill(store.pid, signal.SIGCONT)
    eventually(lambda: daemon.qmp("query-block-exports") == [])
    daemon.unexport("far", deadline_seconds=1)
    daemon.delete_node("far")
    assert daemon.exports("") == daemon.nodes("") == []
    store.stop()


def test_a_node_without_a_file_of_its_own_that_is_refused_says_so(daemon):
    with pytest.raises(QmpRefused, match="nobody"):
        daemon.add_node({"driver": "raw", "node-name": "top", "file": "nobody"})


def test_a_killed_daemon_is_noticed_and_the_next_use_starts_another(daemon, tmp_path):
    daemon.start()
    first = daemon.generation
    os.kill(daemon.pid, signal.SIGKILL)
    eventually(daemon.died)
    daemon.qmp("query-version")
    assert daemon.generation == first + 1


def test_a_daemon_that_outlived_its_owner_is_killed_at_the_next_start(daemon, tmp_path):
    daemon.start()
    stale = daemon.pid
    heir = StorageDaemon(daemon.folder)
    heir.start()
    _, status = os.waitpid(stale, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    heir.qmp("query-version")
    heir.stop()


def test_a_daemon_ends_with_the_process_that_started_it_and_not_with_the_thread(tmp_path):
    code = f"""
import threading, time
from pathlib import Path
from secondsite.datapath.disks import StorageDaemon
daemon = StorageDaemon(Path({str(tmp_path / "d")!r}))
starter = threading.Thread(target=daemon.start)
starter.start()
starter.join()
time.sleep(0.3)
print(daemon.pid, flush=True)
time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        assert is_alive(pid)
        owner.kill()
    eventually(lambda: not is_alive(pid))


def is_alive(pid):
    try:
        return b"qemu-storage-daemon" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


SILENT = """#!{python}
import os, re, socket, sys, time
if os.path.exists("{mark}"):
    os.execv("{real}", ["qemu-storage-daemon", *sys.argv[1:]])
open("{mark}", "w").close()
listening = socket.socket(socket.AF_UNIX)
listening.bind(re.search("path=(.*qmp.sock)", " ".join(sys.argv)).group(1))
listening.listen()
time.sleep(60)
"""


def test_a_daemon_that_listens_and_never_greets_is_replaced_by_another(daemon, tmp_path, monkeypatch):
    silent = tmp_path / "bin" / "qemu-storage-daemon"
    silent.parent.mkdir()
    names = {"python": sys.executable, "mark": tmp_path / "mark", "real": shutil.which("qemu-storage-daemon")}
    silent.write_text(SILENT.format(**names))
    silent.chmod(0o755)
    monkeypatch.setenv("PATH", f"{silent.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(daemon_process, "GREETING_SECONDS", 0.5)
    daemon.start()
    assert daemon.qmp("query-version")["qemu"]["major"] >= 7
    assert (tmp_path / "mark").exists()


def test_a_daemon_begins_to_read_commands_only_once_it_has_our_connection(tmp_path):
    """Else QEMU may let two threads read from one connection. Its NBD server comes after its monitor."""
    process, log = daemon_process.DaemonProcess(tmp_path), tmp_path / "said"
    with log.open("wb") as said:
        daemon = subprocess.Popen(process._command_line(), stdout=said, stderr=said)  # noqa: SLF001 as it is started
    try:
        eventually(lambda: "waiting for connection" in log.read_text())
        assert not process.nbd_socket.exists()
        process._connected().close()  # noqa: SLF001 as it is taken
        assert process.nbd_socket.exists()
    finally:
        daemon.kill()
        daemon.wait(timeout=10)


def test_a_daemon_that_ends_at_once_is_told_with_its_code(daemon, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "setpriv").write_text("#!/bin/sh\necho no such day; exit 7\n")
    (tmp_path / "setpriv").chmod(0o755)
    with pytest.raises(errors.StorageDaemonGone, match=r"ended with code 7: no such day"):
        daemon.start()


def test_what_an_earlier_process_left_running_can_be_ended_without_a_start(daemon):
    daemon.start()
    stale = daemon.pid
    StorageDaemon(daemon.folder).end_left_over()
    assert os.WTERMSIG(os.waitpid(stale, 0)[1]) == signal.SIGKILL
    assert list(daemon.folder.glob("*.pid")) == []


def test_a_deep_folder_gets_its_sockets_elsewhere(tmp_path):
    deep = StorageDaemon(tmp_path / ("d" * 60) / ("e" * 60))
    deep.start()
    assert len(str(deep.nbd_socket)) < 100
    deep.stop()


def test_a_refusal_says_what_was_refused(daemon, tmp_path):
    with pytest.raises(QmpRefused, match="blockdev-add"):
        daemon.serve(tmp_path / "absent.qcow2", "x")


def test_a_stopped_process_is_given_up_at_the_deadline(daemon):
    daemon.start()
    os.kill(daemon.pid, signal.SIGSTOP)
    with pytest.raises(errors.StorageDaemonGone):
        daemon.qmp("query-version", deadline_seconds=0.3)
    assert daemon.qmp("query-version")["qemu"]["major"] >= 7


def test_an_event_that_came_during_a_command_is_kept_for_who_waits(daemon, tmp_path):
    image.create(tmp_path / "a.qcow2", MiB)
    daemon.serve(tmp_path / "a.qcow2", "a")
    (export,) = daemon.qmp("query-block-exports")
    daemon.qmp("block-export-del", id=export["id"])
    eventually(lambda: daemon.qmp("query-block-exports") == [])
    client = daemon._client  # noqa: SLF001 the daemon waits for the ends of its own exports only
    event = client.wait_event(lambda message: message["event"] == "BLOCK_EXPORT_DELETED", 5)
    assert event["data"]["id"] == export["id"]


def test_an_export_has_ended_when_its_end_returns_though_a_client_has_it(daemon, tmp_path):
    image.create(tmp_path / "a.qcow2", MiB)
    daemon.serve(tmp_path / "a.qcow2", "a", writable=True)
    with NbdDisk(daemon.nbd_socket, "a") as disk:
        daemon.unexport("a")
        assert daemon.qmp("query-block-exports") == []
        with pytest.raises(errors.DatapathError):
            disk.pread(512, 0)
    daemon.unserve("a")


def test_a_disk_of_a_machine_that_is_off_is_read_with_whatever_its_template_lies_on(daemon, tmp_path):
    """Templates lie on logical volumes, too, and in parts of files."""
    template = tmp_path / "template.raw"
    template.write_bytes(bytes(512) + b"y" * 512 + bytes(MiB - 1024))
    part = {
        "driver": "raw",
        "offset": 512,
        "size": MiB - 512,
        "file": {"driver": "file", "filename": str(template)},
    }
    _reads_at_rest(daemon, tmp_path / "a.qcow2", f"json:{json.dumps(part)}", 0)
    with _device(template) as device:
        _reads_at_rest(daemon, tmp_path / "b.qcow2", device, 512)


def _reads_at_rest(daemon, path, template, offset):
    qemu_img("create", "-f", "qcow2", "-F", "raw", "-b", template, path, "1M")
    middle = path.with_name(f"over-{path.name}")
    qemu_img("create", "-f", "qcow2", "-F", "qcow2", "-b", path, middle)
    daemon.serve_at_rest(middle, path.name)
    with NbdDisk(daemon.nbd_socket, path.name) as disk:
        ((_, raw),) = disk.read_many([Extent(offset, 512)])
    assert bytes(raw) == b"y" * 512
    daemon.unserve(path.name)


@contextlib.contextmanager
def _device(path):
    made = subprocess.run(["losetup", "-f", "--show", path], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        pytest.skip(f"no block devices can be made here: {made.stderr}")
    try:
        yield made.stdout.strip()
    finally:
        subprocess.run(["losetup", "-d", made.stdout.strip()], check=True)
