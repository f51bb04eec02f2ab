"""What has one home in the ground is refused everywhere else: the linter's rules bite."""

import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
ELSEWHERE = {
    "import os\nos.fsync(1)\n": "ground.durable",
    "import os\nos.fdatasync(1)\n": "ground.durable",
    "import fcntl\nfcntl.flock(1, 2)\n": "ground.lockfile",
    "from fcntl import lockf\nlockf(1, 2)\n": "ground.lockfile",
    "import threading\nthreading.Thread(target=print)\n": "ground.threads",
    "from threading import Thread\nThread(target=print)\n": "ground.threads",
}


@pytest.mark.parametrize("program", ELSEWHERE)
@pytest.mark.parametrize("room", ["vault/watch", "datapath/cycles", "ground"])
def test_the_linter_names_the_home(program, room):
    where = f"src/secondsite/{room}/elsewhere.py"
    command = ["ruff", "check", "--no-cache", "--select", "TID251", "--stdin-filename", where, "-"]
    said = subprocess.run(command, input=program, capture_output=True, text=True, cwd=REPOSITORY, check=False)
    assert said.returncode == 1
    assert ELSEWHERE[program] in said.stdout
