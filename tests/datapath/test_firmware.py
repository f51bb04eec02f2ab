"""Small files that travel in a cycle's header and lie under their digest."""

import base64
import dataclasses
import random

import pytest
from backports import zstd

from secondsite.datapath import errors, firmware, frames, frames_message, manifest
from secondsite.datapath.cycle_file import CycleDisk, CycleHeader
from secondsite.datapath.firmware import FirmwareFile
from secondsite.datapath.manifest import ManifestDisk, ManifestFirmware

FILES = {"nvram": b"variables" * 5000, "tpm/tpm2-00.permall": b"state"}


def header(files):
    disks = (CycleDisk("vda", 1 << 20),)
    return CycleHeader("m1", 1, 1, None, "2026-11-20T08:00:00+00:00", disks, firmware=files)


def test_what_is_packed_is_kept_as_it_was(tmp_path):
    packed = firmware.pack(FILES, ())
    assert CycleHeader.from_json(header(packed).to_json()).firmware == packed
    kept = firmware.keep(tmp_path / "firmware", packed)
    found = {file.name: (tmp_path / "firmware" / file.sha256).read_bytes() for file in kept}
    assert found == FILES
    assert all(file.packed is None for file in kept)


def test_what_the_target_holds_does_not_travel_again(tmp_path):
    first = firmware.keep(tmp_path, firmware.pack(FILES, ()))
    again = firmware.pack({**FILES, "nvram": b"new"}, [file.sha256 for file in first])
    assert [(file.name, file.packed is None) for file in again] == [
        ("nvram", False),
        ("tpm/tpm2-00.permall", True),
    ]
    assert len(firmware.keep(tmp_path, again)) == 2


def test_what_is_neither_carried_nor_there_is_no_part_of_a_replica(tmp_path):
    named = [file.record for file in firmware.pack(FILES, ())]
    with pytest.raises(errors.CycleOutOfOrder, match=r"nvram, tpm/tpm2-00\.permall"):
        firmware.keep(tmp_path, named)


def test_a_file_that_rotted_is_written_again(tmp_path):
    packed = firmware.pack(FILES, ())
    firmware.keep(tmp_path, packed)
    path = tmp_path / packed[0].sha256
    path.write_bytes(bytes(path.stat().st_size))
    assert not firmware.is_whole(path)
    firmware.keep(tmp_path, packed)
    assert firmware.is_whole(path)


@pytest.mark.parametrize("content", [b"other", b"variables" * 5001, None])
def test_content_that_is_not_what_its_digest_says_is_refused(tmp_path, content):
    (packed, *_) = firmware.pack(FILES, ())
    text = "no base64!" if content is None else base64.b64encode(zstd.compress(content)).decode()
    with pytest.raises(errors.CycleDamaged):
        firmware.keep(tmp_path, [dataclasses.replace(packed, packed=text)])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("change", [
    {"name": "../nvram"}, {"name": "tpm/../../x"}, {"name": "/etc/passwd"}, {"name": "a/b/c"}, {"sha256": "../x"},
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
    assert frames_message.encode("BEGIN", {"header": body}).length <= frames.MESSAGE_BYTES


def test_a_manifest_says_how_to_boot_with_the_variables():
    disks = (ManifestDisk("vda", 1, "disks/vda/000001.qcow2", ""),)
    said = manifest.how_to_boot(disks, (ManifestFirmware("nvram", 1, "firmware/abc", "abc"),))
    assert "-drive if=pflash,format=raw,file=firmware/abc" in said
    assert "pflash" not in manifest.how_to_boot(disks)
