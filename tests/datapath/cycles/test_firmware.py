"""Small files that travel in a cycle's header and lie under their digest."""

import base64
import dataclasses
import functools
import random
import tracemalloc

import pytest
from backports import zstd

from secondsite.datapath import errors
from secondsite.datapath.channel import messages
from secondsite.datapath.cycles import firmware
from secondsite.datapath.cycles.cycle_file import CycleDisk, CycleHeader
from secondsite.datapath.cycles.firmware import FirmwareFile
from secondsite.datapath.encryption import encryption_key, file_key
from secondsite.datapath.frames import frame
from secondsite.datapath.replica.record import manifest
from secondsite.datapath.replica.record.firmware_store import FirmwareStore
from secondsite.datapath.replica.record.manifest import ManifestDisk, ManifestFirmware

FILES = {"nvram": b"variables" * 5000, "tpm/tpm2-00.permall": b"state"}


def plain(folder):
    return FirmwareStore(folder, lambda: None)


def header(files):
    disks = (CycleDisk("vda", 1 << 20),)
    return CycleHeader("m1", 1, 1, None, "2026-11-20T08:00:00+00:00", disks, firmware=files)


def test_what_is_packed_is_kept_as_it_was(tmp_path):
    packed = firmware.pack(FILES, ())
    assert CycleHeader.from_json(header(packed).to_json()).firmware == packed
    kept = plain(tmp_path / "firmware").keep(packed)
    found = {file.name: (tmp_path / "firmware" / file.sha256).read_bytes() for file in kept}
    assert found == FILES
    assert all(file.packed is None for file in kept)


def test_what_the_target_holds_does_not_travel_again(tmp_path):
    first = plain(tmp_path).keep(firmware.pack(FILES, ()))
    again = firmware.pack({**FILES, "nvram": b"new"}, [file.sha256 for file in first])
    assert [(file.name, file.packed is None) for file in again] == [
        ("nvram", False),
        ("tpm/tpm2-00.permall", True),
    ]
    assert len(plain(tmp_path).keep(again)) == 2


def test_what_is_neither_carried_nor_there_is_no_part_of_a_replica(tmp_path):
    named = [file.record for file in firmware.pack(FILES, ())]
    with pytest.raises(errors.CycleOutOfOrder, match=r"nvram, tpm/tpm2-00\.permall"):
        plain(tmp_path).keep(named)


def test_a_file_that_rotted_is_written_again(tmp_path):
    packed = firmware.pack(FILES, ())
    plain(tmp_path).keep(packed)
    path = tmp_path / packed[0].sha256
    path.write_bytes(bytes(path.stat().st_size))
    assert not plain(tmp_path).is_whole(path.name)
    plain(tmp_path).keep(packed)
    assert plain(tmp_path).is_whole(path.name)


@pytest.mark.parametrize("content", [b"other", b"variables" * 5001, None])
def test_content_that_is_not_what_its_digest_says_is_refused(tmp_path, content):
    (packed, *_) = firmware.pack(FILES, ())
    text = "no base64!" if content is None else base64.b64encode(zstd.compress(content)).decode()
    with pytest.raises(errors.CycleDamaged):
        plain(tmp_path).keep([dataclasses.replace(packed, packed=text)])
    assert list(tmp_path.iterdir()) == []


def test_what_lies_behind_the_content_is_never_unpacked(tmp_path):
    (packed, *_) = firmware.pack(FILES, ())
    behind = base64.b64decode(str(packed.packed)) + zstd.compress(bytes(64 << 20))
    tracemalloc.start()
    try:
        plain(tmp_path).keep([dataclasses.replace(packed, packed=base64.b64encode(behind).decode())])
    finally:
        most_bytes = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert most_bytes < 8 << 20


@pytest.mark.parametrize("change", [
    {"name": "../nvram"}, {"name": "tpm/../../x"}, {"name": "/etc/passwd"}, {"name": "a/b/c"},
    {"sha256": "../x"},
    {"size_bytes": 5 << 20}, {"size_bytes": -1}, {"packed": 7},
])  # fmt: skip
def test_a_file_that_could_do_harm_is_not_understood(change):
    body = dataclasses.asdict(firmware.pack(FILES, ())[0])
    with pytest.raises(ValueError, match="firmware file"):
        FirmwareFile.from_json({**body, **change})


def test_state_that_is_too_large_is_refused_before_it_travels():
    with pytest.raises(errors.FirmwareTooLarge, match="more than the 4194304"):
        firmware.pack({"nvram": bytes(firmware.MOST_BYTES + 1)}, ())
    noise = random.Random(1).randbytes(3 << 20)
    with pytest.raises(errors.FirmwareTooLarge, match="when packed"):
        firmware.pack({"nvram": noise}, ())


def test_the_largest_state_that_travels_fits_into_a_message():
    noise = random.Random(1).randbytes(firmware.MOST_PACKED_BYTES * 3 // 4 - 4096)
    body = header(firmware.pack({"nvram": noise}, ())).to_json()
    assert messages.encode("BEGIN", {"header": body}).length <= frame.MESSAGE_BYTES


def test_a_manifest_says_how_to_boot_with_the_variables():
    disks = (ManifestDisk("vda", 1, "disks/vda/000001.qcow2", ""),)
    said = manifest.how_to_boot(disks, (ManifestFirmware("nvram", 1, "firmware/abc", "abc"),))
    assert "-drive if=pflash,format=raw,file=firmware/abc" in said
    assert "pflash" not in manifest.how_to_boot(disks)


# -- in an encrypted replica -------------------------------------------------------------------------------


@pytest.fixture
def sealing(tmp_path):
    return file_key.make(encryption_key.make(tmp_path / "key"))


def test_sealed_state_shows_neither_its_content_nor_its_digest(tmp_path, sealing):
    store = FirmwareStore(tmp_path / "firmware", lambda: sealing)
    packed = firmware.pack({**FILES, "empty": b"", "large": bytes(700_001)}, ())
    kept = store.keep(packed)
    assert [store.read(file.sha256) for file in kept] == [b"", bytes(700_001), *FILES.values()]
    assert store.plain() == set()
    assert not any(store.lacks(file) for file in packed)
    for path in (tmp_path / "firmware").iterdir():
        assert b"variables" not in path.read_bytes()
        assert path.name not in {file.sha256 for file in packed}


def test_the_names_of_sealed_state_differ_from_replica_to_replica(tmp_path, sealing):
    other = file_key.make(sealing.customer)
    packed = firmware.pack(FILES, ())
    names = [
        {
            file.sha256
            for file in FirmwareStore(tmp_path / "firmware", functools.partial(lambda key: key, key)).keep(
                packed
            )
        }
        for key in (sealing, other)
    ]
    assert names[0].isdisjoint(names[1])


def test_sealed_state_that_rotted_or_was_swapped_is_seen_and_written_again(tmp_path, sealing):
    store = FirmwareStore(tmp_path / "firmware", lambda: sealing)
    packed = firmware.pack({"nvram": b"x" * 900, "other": b"y" * 900}, ())
    first, second = (tmp_path / "firmware" / file.sha256 for file in store.keep(packed))
    whole = first.read_bytes()
    for rotten in (whole[:-1] + bytes([whole[-1] ^ 1]), whole[:100], second.read_bytes(), b"plain"):
        first.write_bytes(rotten)
        assert not store.is_whole(first.name)
        store.keep(packed)
        assert store.is_whole(first.name)
