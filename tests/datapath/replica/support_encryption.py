"""Encrypted images as plain QEMU programs read them."""

import json
import subprocess

from secondsite.datapath.disks import image


def readable(monkeypatch, key):
    """Lets the readers of support_chain open encrypted images."""

    def read(path, scratch):
        out = scratch / "read.raw"
        subprocess.run(
            ["qemu-img", "convert", *image.secret_arguments(key), "-O", "raw", named(path, key), out],
            check=True, timeout=60,
        )  # fmt: skip
        return out.read_bytes()

    monkeypatch.setattr("tests.datapath.support_chain.read_raw", read)
    return read


def named(path, key):
    return "json:" + json.dumps(image.node_options(path, key))


def write(path, key, offset, length, pattern=0x5A):
    subprocess.run(
        ["qemu-io", *image.secret_arguments(key), "-c", f"write -P {pattern} {offset} {length}",
        named(path, key)],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
