"""Workers: named, no burden to a process that ends, and none dies unheard."""

import subprocess
import sys
import threading

from secondsite.ground import threads


def test_a_worker_has_its_name_and_gets_what_it_works_on():
    seen = []

    def work(*what, **named):
        seen.append((threading.current_thread().name, what, named))

    worker = threads.worker("reads", work, 1, 2, three=3)
    worker.start()
    worker.join(10)
    assert seen == [("reads", (1, 2), {"three": 3})]


def test_what_a_worker_dies_of_is_told_with_its_name(monkeypatch):
    deaths = []
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    threads.tell_deaths(lambda name, error: deaths.append((name, repr(error))))
    worker = threads.worker("reads", dict[str, int]().__getitem__, "missing")
    worker.start()
    worker.join(10)
    assert deaths == [("reads", "KeyError('missing')")]


def test_the_log_of_a_process_says_what_a_worker_died_of():
    program = """
from secondsite.entry import logs
from secondsite.ground import threads
logs.configure()
worker = threads.worker("reads", dict[str, int]().__getitem__, "missing")
worker.start()
worker.join()
"""
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stderr
    (line,) = said.splitlines()
    assert '"event": "thread.died"' in line
    assert '"thread": "reads"' in line
    assert "KeyError: 'missing'" in line


def test_a_worker_keeps_no_process_from_ending():
    program = (
        "from secondsite.ground import threads; import time; threads.worker('w', time.sleep, 600).start()"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
