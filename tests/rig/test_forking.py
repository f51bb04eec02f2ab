"""What the fork server gives to those who ask at the same moment."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from rig.forking import ForkServer
from rig.processes import environment

pytestmark = pytest.mark.slow
AT_ONCE = 4
ROUNDS = 5


def test_who_forks_at_the_same_moment_as_others_gets_its_own_process(tmp_path):
    server, gate = ForkServer(), threading.Barrier(AT_ONCE)

    def own(number):
        for each in range(ROUNDS):
            gate.wait(30)
            log = tmp_path / f"{number}-{each}"
            server.fork(["--help"], log, environment()).wait(30)
            assert "Usage" in log.read_text()

    try:
        with ThreadPoolExecutor(AT_ONCE) as threads:
            list(threads.map(own, range(AT_ONCE)))
    finally:
        server.close()
