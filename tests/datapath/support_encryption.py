"""Encrypted images as plain QEMU programs read them."""

import json
import subprocess

from secondsite.datapath import image


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


def opens(path, key):
    """Whether plain qemu-io reads this file, and none below it, with a key."""
    options = {**image.node_options(path, key), "backing": None}
    done = subprocess.run(
        ["qemu-io", "-r", *image.secret_arguments(key), "-c", "read 0 512", "json:" + json.dumps(options)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0 or "cannot unlock any keyslot" in done.stderr, done.stderr
    return done.returncode == 0
