"""A real helper machine reads real file systems: what it gives is what was written, digest by digest, and
what is broken there, or made to do harm, harms nothing but itself."""

import contextlib
import os
import random
import subprocess
from pathlib import Path

import pytest

from guestkit import kernels
from rig.eventually import eventually
from secondsite.appliance.helper import Export, extracting, reading
from secondsite.datapath.disks import StorageDaemon
from secondsite.domain import errors
from secondsite.ground.units import GiB
from tests.appliance.helper import support_file_systems as file_systems

pytestmark = [pytest.mark.guest, pytest.mark.slow, pytest.mark.timeout(900)]

COUNT = 10_000


@pytest.fixture(scope="session")
def kernel_root():
    return kernels.installed()


@pytest.fixture
def daemon(tmp_path):
    daemon = StorageDaemon(tmp_path / "daemon")
    daemon.start()
    yield daemon
    daemon.stop()


@pytest.fixture
def helper(kernel_root, daemon):
    """A helper machine that reads these images."""

    @contextlib.contextmanager
    def helper(*images, is_cancelled=lambda: False):
        disks = []
        for number, image in enumerate(images):
            node = daemon.add_node(daemon.image_options(f"n{number}", image, image_format="raw"))
            daemon.export(node, node)
            disks.append((f"vd{chr(ord('a') + number)}", Export(daemon.nbd_socket, node)))
        try:
            with reading.reader(kernel_root, disks, accelerated=False, is_cancelled=is_cancelled) as reader:
                yield reader
        finally:
            for number in range(len(images)):
                daemon.unexport(f"n{number}")
                daemon.delete_node(f"n{number}")
        assert helpers() == []

    return helper


def helpers():
    """Processes of helper machines of ours."""
    told = subprocess.run(["pgrep", "-P", str(os.getpid()), "-f", "secondsite-helper"], capture_output=True)
    return told.stdout.split()


def fetched(reader, path, folder, name="out"):
    folder.mkdir(exist_ok=True)
    into = os.open(folder, extracting.FOLDER_FLAGS)
    try:
        return reader.fetch(path, into, name, 8 * GiB, lambda _files, _bytes: None)
    finally:
        os.close(into)


def names(reader, *path):
    return [each.name for each in reader.files(path, b"", 10_000)[0]]


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs", "ntfs"])
def test_ten_thousand_files_of_a_file_system_come_digest_by_digest(kind, tmp_path, helper):
    made = file_systems.make(kind, tmp_path / "image")
    with file_systems.mounted(kind, made, tmp_path / "mounted") as guest:
        file_systems.fill(guest, COUNT)
        expected = file_systems.digests(guest / "many")
    before = made.image.read_bytes()
    with helper(made.image) as reader:
        (volume,) = reader.volumes()
        assert (volume.name, volume.kind) == (b"vda", kind)
        found = fetched(reader, (b"vda", b"many"), tmp_path / "to")
        assert b"0" in names(reader, b"vda", b"many")
        assert fetched(reader, (b"vda", b"many", b"big"), tmp_path / "to", "big").files == 1
    assert file_systems.digests(tmp_path / "to" / "out") == expected
    assert (found.files, len(expected)) == (COUNT + 4, COUNT + 4)
    assert (tmp_path / "to" / "big").read_bytes() == (tmp_path / "to" / "out" / "big").read_bytes()
    assert made.image.read_bytes() == before


def test_a_logical_volume_is_found_by_its_name(tmp_path, helper):
    made = file_systems.in_logical_volume("ext4", tmp_path)
    with file_systems.mounted("ext4", made, tmp_path / "mounted") as guest:
        file_systems.fill(guest, 200)
        expected = file_systems.digests(guest / "many")
    with helper(made.image) as reader:
        assert [each.name for each in reader.volumes()] == [b"guest-root"]
        fetched(reader, (b"guest-root", b"many"), tmp_path / "to")
    assert file_systems.digests(tmp_path / "to" / "out") == expected


def test_paths_are_the_guests_own_and_no_link_is_followed(tmp_path, helper):
    made = file_systems.make("ext4", tmp_path / "image")
    odd = b"two\nlines \xff\\"
    with file_systems.mounted("ext4", made, tmp_path / "mounted") as guest:
        (guest / "etc").mkdir()
        (guest / "etc" / "hosts").write_text("hosts")
        (guest / "link").symlink_to("etc")
        (guest / "out").symlink_to("/proc")
        os.mkdir(os.fsencode(guest) + b"/" + odd)
        os.mkfifo(guest / "etc" / "pipe")
        with open(os.fsencode(guest) + b"/" + odd + b"/x", "w") as file:
            file.write("odd")
    with helper(made.image) as reader:
        assert names(reader, b"vda") == sorted([b"etc", b"link", b"out", odd, b"lost+found"])
        assert names(reader, b"vda", b"etc", b"hosts") == [b"hosts"]
        found = fetched(reader, (b"vda", odd), tmp_path / "to")
        assert (found.files, (tmp_path / "to" / "out" / "x").read_text()) == (1, "odd")
        found = fetched(reader, (b"vda",), tmp_path / "to", "all")
        assert (found.left_out, (tmp_path / "to" / "all" / "link").is_symlink()) == (1, True)
        for path, said in (
            ((b"vda", b"link", b"hosts"), "symbolic link"),
            ((b"vda", b"out", b"version"), "symbolic link"),
            ((b"vda", b"none"), "no such file"),
            ((b"vda", b"etc", b"hosts", b"x"), "no such"),
        ):
            with pytest.raises(errors.NotPossibleNow, match=said):
                names(reader, *path)
        with pytest.raises(errors.NotFound, match="no volume 'vdb'"):
            names(reader, b"vdb")


def test_what_was_in_the_journal_as_the_point_was_taken_is_there(tmp_path, helper):
    made = file_systems.make("ext4", tmp_path / "image")
    with file_systems.mounted("ext4", made, tmp_path / "mounted") as guest:
        (guest / "late").mkdir()
        for number in range(20):
            with (guest / "late" / str(number)).open("w") as file:
                file.write("acknowledged")
                file.flush()
                os.fsync(file.fileno())
        # as the machine's disk is at this instant, mounted and with a journal to be replayed
        (tmp_path / "crashed").write_bytes(made.image.read_bytes())
    assert (
        b"needs_recovery"
        in subprocess.run(["dumpe2fs", "-h", tmp_path / "crashed"], capture_output=True).stdout
    )
    with helper(tmp_path / "crashed") as reader:
        fetched(reader, (b"vda", b"late"), tmp_path / "to")
    assert {each.read_text() for each in (tmp_path / "to" / "out").iterdir()} == {"acknowledged"}


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs", "ntfs"])
def test_a_broken_file_system_harms_nothing_but_its_helper_machine(kind, tmp_path, helper):
    made = file_systems.make(kind, tmp_path / "image")
    with file_systems.mounted(kind, made, tmp_path / "mounted") as guest:
        file_systems.fill(guest, 300)
    whole = made.image.read_bytes()
    used = [at for at in range(0, len(whole), 4096) if any(whole[at : at + 4096])]
    seed = random.randrange(1 << 30)
    chance = random.Random(seed)
    ends = []
    for number in range(3):
        broken = bytearray(whole)
        for at in chance.sample(used, max(4, len(used) // 20)):
            length = chance.randrange(1, 64)
            begin = at + chance.randrange(4096 - length)
            broken[begin : begin + length] = chance.randbytes(length)
        made.image.write_bytes(broken)
        ends.append(_read_whole(helper, made.image, tmp_path / f"to{number}"))
        assert helpers() == [], seed
        left = {each.name for each in tmp_path.iterdir()} - {"image", "mounted", "daemon"}
        assert left <= {"to0", "to1", "to2"}, seed
    assert all(ends), seed


def _read_whole(helper, image, folder):
    """How it ended."""
    try:
        with helper(image) as reader:
            reader.volumes()
            fetched(reader, (b"vda",), folder)
    except errors.SecondsiteError as problem:
        return problem.message
    return "read"


def test_a_cancel_ends_it_and_nothing_runs_on(tmp_path, helper):
    made = file_systems.make("ext4", tmp_path / "image")
    cancelled: list[bool] = []
    with pytest.raises(errors.NotPossibleNow, match="cancelled"):
        with helper(made.image, is_cancelled=lambda: bool(cancelled)) as reader:
            reader.volumes()
            assert helpers() != []
            cancelled.append(True)
            names(reader, b"vda")
    assert helpers() == []


def test_it_runs_without_our_rights_and_ends_with_us(tmp_path, helper):
    made = file_systems.make("ext4", tmp_path / "image")
    with helper(made.image) as reader:
        reader.volumes()
        (pid,) = [int(each) for each in helpers()]
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
        if os.geteuid() == 0:
            assert "0" not in status["Uid"].split()
            assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0
        assert (status["NoNewPrivs"].strip(), status["Seccomp"].strip()) == ("1", "2")
        os.kill(pid, 9)
        with pytest.raises(errors.NotPossibleNow, match="ended"):
            names(reader, b"vda")
    eventually(lambda: helpers() == [])
