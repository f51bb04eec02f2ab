"""What the page faults of unpacking cost is not paid twice."""

import os
import resource
import subprocess
import sys

UNPACK = """
import os, resource, sys, threading
from secondsite.datapath.frames import codec, frame
from secondsite.ground.processes import malloc
from secondsite.datapath.frames.compression import Choice

def unpack():
    encoded = codec.encode(Choice(), 0, 0, os.urandom(2048) * 512)[0]
    header = frame.unpack(encoded.head)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(100):
        codec.decode(header, encoded.payload)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)

if sys.argv[1] == "keep":
    malloc.keep_for_reuse()
thread = threading.Thread(target=unpack)
thread.start()
thread.join()
"""


def faults(how):
    done = subprocess.run(
        [sys.executable, "-c", UNPACK, how],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip
    return int(done.stdout)


def test_unpacking_frames_does_not_fault_for_every_page_again():
    pages_of_all_frames = 100 * 1024 * 1024 // resource.getpagesize()
    assert faults("keep") < pages_of_all_frames / 5
