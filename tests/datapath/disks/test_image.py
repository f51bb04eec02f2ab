import subprocess

import pytest

from secondsite.datapath import errors
from secondsite.datapath.disks import image
from secondsite.ground.units import KiB, MiB
from tests.datapath.support_chain import read_raw, write_image


@pytest.fixture
def chain_of_two(tmp_path):
    base, top = tmp_path / "base.qcow2", tmp_path / "sub" / "top.qcow2"
    top.parent.mkdir()
    image.create(base, 4 * MiB)
    write_image(base, "64k", "0", pattern=1)
    image.create_overlay(top, base, "qcow2", 6 * MiB)
    write_image(top, "64k", "64k", pattern=2)
    return base, top


def test_an_overlay_names_its_backing_file_relative_to_itself(chain_of_two):
    base, top = chain_of_two
    assert b"../base.qcow2" in top.read_bytes()[:4096]
    facts = image.chain(top)
    assert [(fact.size_bytes, fact.image_format) for fact in facts] == [
        (6 * MiB, "qcow2"),
        (4 * MiB, "qcow2"),
    ]
    assert facts[0].backing is not None
    assert facts[0].backing.resolve() == base


def test_a_commit_moves_content_and_size_down_and_may_be_repeated(chain_of_two, tmp_path):
    base, top = chain_of_two
    held = read_raw(top, tmp_path)
    image.commit(top)
    image.commit(top, base=base)
    assert read_raw(base, tmp_path) == held == read_raw(top, tmp_path)


def test_a_file_with_a_colon_in_its_name_is_a_file(tmp_path):
    base, top = tmp_path / "disk:1.qcow2", tmp_path / "top.qcow2"
    image.create(base, MiB)
    image.create_overlay(top, base, "qcow2", MiB)
    assert len(image.chain(top)) == 2


def test_an_image_grows(tmp_path):
    path = tmp_path / "a.qcow2"
    image.create(path, MiB)
    image.resize(path, 3 * MiB + 512)
    image.check(path, repair_leaks=True)
    assert image.chain(path)[0].size_bytes == 3 * MiB + 512


def test_a_moved_base_is_named_anew_without_moving_data(chain_of_two, tmp_path):
    base, top = chain_of_two
    held = read_raw(top, tmp_path)
    base = base.rename(tmp_path / "moved.qcow2")
    with pytest.raises(errors.ImageProblem, match="missing"):
        image.chain(top)
    image.rebase(top, base, "qcow2")
    assert read_raw(top, tmp_path) == held


def test_a_corrupt_file_is_named_with_what_to_do(tmp_path):
    path = tmp_path / "a.qcow2"
    path.write_bytes(b"no image at all")
    with pytest.raises(errors.ImageProblem, match=r"a\.qcow2.*qemu-img check"):
        image.check(path)


def test_an_image_that_is_open_elsewhere_is_said_so(tmp_path):
    path = tmp_path / "a.qcow2"
    image.create(path, MiB)
    holder = subprocess.Popen(
        ["qemu-io", "-f", "qcow2", str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert holder.stdin is not None
        assert holder.stdout is not None
        holder.stdin.write(b"write 0 4k\n")
        holder.stdin.flush()
        holder.stdout.readline()
        with pytest.raises(errors.ImageProblem, match="Another program"):
            image.resize(path, 2 * MiB)
    finally:
        holder.communicate(b"q\n", timeout=10)


def test_a_full_store_is_store_full(tmp_path):
    store = tmp_path / "small"
    store.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "none", store],
        capture_output=True,
        timeout=10,
        check=False,
    )
    if done.returncode:
        pytest.skip("no right to mount a small tmpfs")
    try:
        with pytest.raises(errors.StoreFull):
            for number in range(8):
                image.create(store / f"{number}.qcow2", 64 * KiB)
    finally:
        subprocess.run(["umount", "-l", store], timeout=10, check=True)
