"""Agents that dial an appliance: the built program on loop devices, and fakes that say what they like."""

import contextlib
import json
import os
import secrets
import socket
import ssl
import subprocess
import tempfile
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from rig.eventually import eventually
from secondsite.fabrics.agent.link.enrolling import Enrolling
from secondsite.fabrics.agent.link.words import Enroll
from secondsite.ground.certificates import fingerprint
from secondsite.ground.units import MiB

TOP = Path(__file__).resolve().parents[3]
PROGRAM = TOP / ".cache" / "agent" / "secondsite-agent"
PATIENCE = 60.0


def is_built():
    """Whether the program is there, and no older than what it is built of."""
    sources = (path for path in (TOP / "agent").rglob("*") if path.suffix in (".go", ".c"))
    built = PROGRAM.stat().st_mtime if PROGRAM.exists() else 0
    return all(path.stat().st_mtime <= built for path in sources if not path.name.endswith("_test.go"))


needs_agent = [
    pytest.mark.slow,
    pytest.mark.skipif(not is_built(), reason="the agent is not built, or changed; next: ./dev agent"),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root makes loop devices"),
]


class LoopDisk:
    """A loop device with random content."""

    def __init__(self, folder, size=64 * MiB):
        self.file = folder / f"disk-{secrets.token_hex(4)}.raw"
        self.content = secrets.token_bytes(MiB) * (size // MiB - 1) + bytes(MiB)
        self.file.write_bytes(self.content)
        command = ["losetup", "-f", "--show", str(self.file)]
        self.device = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
        self.name = self.device.removeprefix("/dev/")
        self.key = f"file:{self.file}"

    def close(self):
        subprocess.run(["losetup", "-d", self.device], check=True, timeout=PATIENCE)


def agent(*words):
    """What the program said."""
    return subprocess.run([PROGRAM, *words], capture_output=True, text=True, timeout=PATIENCE, check=False)


class Machine:
    """A machine with the agent's program: its state, and its process while it runs."""

    def __init__(self, folder, disks=()):
        self.folder = Path(tempfile.mkdtemp(dir=folder, prefix="m"))
        self.state, self.log = self.folder / "state", self.folder / "log"
        self.disks = disks
        self.process = None
        self.hardware = ""

    def enroll(self, port, key, host="127.0.0.1"):
        """What it said; the exit status tells whether it was let in."""
        return agent("enroll", "--state", self.state, "--appliance", f"{host}:{port}", key)

    def run(self, verb="run"):
        names = ",".join(disk.name for disk in self.disks)
        hardware = ["--hardware", self.hardware] if self.hardware else []
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [PROGRAM, verb, "--state", self.state, "--loops", names, "--only-loops", *hardware],
                stdout=log, stderr=log,
            )  # fmt: skip
        return self

    def said(self, words):
        """Waits until its log holds these words."""
        return eventually(lambda: words in self.log.read_text(), PATIENCE)

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait(PATIENCE)

    def close(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait(PATIENCE)


class Fake:
    """Another program with an agent's key, which says what it likes."""

    def __init__(self, agents, folder):
        self.agents, self.folder = agents, Path(tempfile.mkdtemp(dir=folder, prefix="f"))
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.agent_id, self.name = None, "fake"
        self.hello = {"host_name": "fake", "boot_id": "b1", "product_uuid": "p1", "uptime_seconds": 1e6}

    def request(self):
        subject = x509.Name([])
        request = (
            x509.CertificateSigningRequestBuilder().subject_name(subject).sign(self.key, hashes.SHA256())
        )
        return request.public_bytes(serialization.Encoding.PEM).decode()

    def enroll(self, key, name="fake", **more):
        """The appliance's answer; from then on it dials with its certificate."""
        secret = key.split("-")[1]
        with self.dial(with_certificate=False) as connection:
            connection.say(role="enroll", key=secret, request=self.request(), name=name, **more)
            answer = connection.hear()
        if answer["ok"]:
            self.agent_id = answer["told"]["agent_id"]
            self.keep(answer["told"]["certificate"])
        return answer

    def enroll_at(self, registry, key=None):
        """By what the appliance does, at that registry's time."""
        secret = (key or registry.new_key()).split("-")[1]
        wanted = Enroll(role="enroll", key=secret, request=self.request(), name=self.name)
        told = Enrolling(registry.authority, registry.keys, registry.records).enroll(
            wanted, "127.0.0.1", registry.clock()
        )
        self.agent_id = told["agent_id"]
        self.keep(told["certificate"])

    def renew_at(self, registry):
        """As the appliance and an agent do, to its first call by the new one."""
        self.keep(registry.renewed(self.agent_id, self._shown(), self.request()))
        registry.note_shown(self.agent_id, self._shown(), self.name)

    def _shown(self):
        return fingerprint(x509.load_pem_x509_certificate(self.identity.read_bytes()))

    @property
    def identity(self):
        return self.folder / "identity.pem"

    def keep(self, certificate):
        key = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self.identity.write_bytes(key + certificate.encode())

    def dial(self, with_certificate=True):
        return Line(self.agents.port, self.identity if with_certificate else None)

    def control(self, **changed):
        """A control connection that was greeted, or refused."""
        connection = self.dial()
        connection.say(role="control", hello=self.hello | changed)
        return connection


class Line:
    """One connection of a fake."""

    def __init__(self, port, identity=None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if identity is not None:
            context.load_cert_chain(identity)
        plain = socket.create_connection(("127.0.0.1", port), PATIENCE)
        try:
            self.socket = context.wrap_socket(plain)
        except OSError:
            plain.close()
            raise
        self.lines = self.socket.makefile("rb")

    def say(self, **words):
        self.socket.sendall(json.dumps(words).encode() + b"\n")

    def hear(self):
        """The next line but pings, which are answered; None once the other side has left."""
        while True:
            line = self.hear_any()
            if line is None or line.get("do") != "ping":
                return line
            self.say(number=line["number"], ok=True)

    def hear_any(self):
        try:
            line = self.lines.readline()
        except OSError:
            return None
        return json.loads(line) if line else None

    def close(self):
        self.lines.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Silent:
    """Listens at a port, and counts who comes."""

    def __init__(self, port):
        self.socket = socket.create_server(("127.0.0.1", port))
        self.socket.setblocking(False)

    def came(self):
        count = 0
        with contextlib.suppress(BlockingIOError):
            while True:
                self.socket.accept()[0].close()
                count += 1
        return count

    def close(self):
        self.socket.close()


def connected(agents):
    return [each for each in agents.known() if each.connected]
