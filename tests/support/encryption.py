"""Encrypted images as plain QEMU programs read them."""

import json
import subprocess

from secondsite.datapath.disks import image


def opens(path, key):
    """Whether plain qemu-io reads this file, and none below it, with a key."""
    options = {**image.node_options(path, key), "backing": None}
    done = subprocess.run(
        ["qemu-io", "-r", *image.secret_arguments(key), "-c", "read 0 512", "json:" + json.dumps(options)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0 or "cannot unlock any keyslot" in done.stderr, done.stderr
    return done.returncode == 0
