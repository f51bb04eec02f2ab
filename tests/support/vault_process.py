"""`secondsite vault run` as a process of its own."""

import json
import os
import signal
import ssl
import subprocess
import sys
import time
import urllib.request

import pytest

from secondsite.entry import vault_main

PROGRAM = (
    "import sys, pathlib; from secondsite.entry import vault_main; vault_main.run(pathlib.Path(sys.argv[1]))"
)


class Process:
    """`secondsite vault run` on a home."""

    def __init__(self, home, program=PROGRAM):
        self.home = home
        self.log = home / "stderr"
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        command = [sys.executable, "-c", program, str(home)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log, env=environment, text=True
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line.startswith("vault ready https://"):
            self.end(signal.SIGKILL)
            raise AssertionError(line + self.log.read_text())
        self.url = line.split()[-1]

    def get(self, path, token=None, ca=None):
        context = ssl.create_default_context(cafile=str(ca or self.home / "pki" / "ca.pem"))
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        request = urllib.request.Request(f"{self.url}/api{path}", headers=headers)
        with urllib.request.urlopen(request, context=context, timeout=10) as answer:
            return json.loads(answer.read())

    def put(self, path, token, body):
        return self.post(path, token, body, "PUT")

    def post(self, path, token, body, method="POST"):
        context = ssl.create_default_context(cafile=str(self.home / "pki" / "ca.pem"))
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        request = urllib.request.Request(
            f"{self.url}/api{path}", json.dumps(body).encode(), headers, method=method
        )
        with urllib.request.urlopen(request, context=context, timeout=10) as answer:
            return json.loads(answer.read())

    def end(self, how=signal.SIGTERM):
        """Seconds that it took."""
        began = time.monotonic()
        self.process.send_signal(how)
        self.process.wait(20)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return time.monotonic() - began

    def memory_bytes(self):
        with open(f"/proc/{self.process.pid}/status") as lines:
            return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))


@pytest.fixture
def made(tmp_path):
    return vault_main.init(tmp_path / "home", rest_port=0, control_port=0)


@pytest.fixture
def start(made):
    """Starts the vault; ends what is still running."""
    started = []

    def start(program=PROGRAM):
        started.append(Process(made.token_file.parent, program))
        return started[-1]

    yield start
    for process in started:
        if process.process.poll() is None:
            process.end(signal.SIGKILL)
        if process.process.stdout is not None:  # also of one that died by itself
            process.process.stdout.close()
