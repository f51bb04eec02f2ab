"""The archive writer against the kernel's own reader is what test_guest does; here is the format itself."""

import subprocess

import pytest

from guestkit import cpio, programs


def test_busybox_reads_back_what_was_written(tmp_path):
    entries = [
        cpio.folder("bin"),
        cpio.file("bin/run", b"#!/bin/sh\necho hello\n", executable=True),
        cpio.file("odd", b"abc"),
        cpio.link("bin/again", "run"),
    ]
    reading = [str(programs.find("busybox")), "cpio", "-idm"]
    subprocess.run(
        reading, input=cpio.archive(entries), cwd=tmp_path, check=True, timeout=10, capture_output=True
    )
    assert subprocess.run([tmp_path / "bin/again"], capture_output=True, check=True).stdout == b"hello\n"
    assert (tmp_path / "odd").read_bytes() == b"abc"


def test_equal_content_gives_equal_bytes():
    entries = [cpio.folder("a"), cpio.file("a/b", b"content")]
    assert cpio.archive(entries) == cpio.archive(entries)


@pytest.mark.parametrize("size", range(5))
def test_every_record_is_padded_to_four_bytes(size):
    assert len(cpio.archive([cpio.file("x", bytes(size))])) % 4 == 0
