"""A vault in this process, and an appliance that is a real connection which says what the test wants."""

import contextlib
import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from starlette.testclient import TestClient
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from secondsite import __version__
from secondsite.domain.lifecycle import State
from secondsite.entry import settings, vault_main
from secondsite.entry.vault_wiring import RunningVault
from secondsite.jobs.storage import database
from secondsite.vault.store import MachineRecord, Store
from secondsite.wire import control
from secondsite.wire.common.machines import DiskDefinition, MachineDefinition
from secondsite.wire.common.points import PointShape
from secondsite.wire.control.orders import Kind
from secondsite.wire.control.statuses import ReplicaStatus, SourceStatus

SETTINGS = {Kind.SET_SITE.value, Kind.UPDATE_POLICY.value, Kind.KEEP.value}
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


class VaultInProcess:
    """`changes` are settings that differ from those of an init."""

    def __init__(self, home: Path, database_url: str | None = None, **changes) -> None:
        self.home = home
        self.made = vault_main.init(home, database_url=database_url, rest_port=0, control_port=0)
        settings.write(home, self.made.settings.model_copy(update=changes))
        self.running = RunningVault(home, settings.read(home))
        self.app = self.running.start()
        self.facade = self.app.state.vault
        self.rest = TestClient(
            self.app,
            raise_server_exceptions=False,
            headers={"Authorization": f"Bearer {self.made.token}"},
        )
        self._db = database.connect(self.made.settings.database_url)
        self.store = Store(self._db)

    def close(self) -> None:
        self.rest.close()
        self.running.stop()
        self._db.dispose()

    def enroll(self, site: str, name: str = "appliance") -> "Identity":
        """A site (made if need be) with one more enrolled appliance."""
        if self.rest.get(f"/api/sites/{site}").status_code == 404:
            assert self.rest.post("/api/sites", json={"name": site}).status_code == 201
        key = self.rest.post(f"/api/sites/{site}/registration-key").json()["key"]
        private, csr = request_for(name)
        answer = self.rest.post("/api/enroll", json={"key": key, "name": name, "csr_pem": csr})
        assert answer.status_code == 200, answer.text
        return Identity(self.home.parent / f"tls-{answer.json()['appliance_id']}", answer.json(), private)


class ThroughTheApplication(httpx2.BaseTransport):
    """Hands requests to the application of a vault, and keeps them in `asked`."""

    def __init__(self, rest: httpx2.Client) -> None:
        self._rest = rest
        self.asked: list[httpx2.Request] = []
        self.lose = 0
        """So many answers get lost on their way."""

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        request.read()
        self.asked.append(request)
        answer = self._rest.send(request)
        if self.lose:
            self.lose -= 1
            raise httpx2.ReadError("the connection broke", request=request)
        headers = {name: value for name, value in answer.headers.items() if name != "content-encoding"}
        return httpx2.Response(answer.status_code, headers=headers, content=answer.content)


@pytest.fixture
def vault(tmp_path):
    """A vault that runs: real engine, real control port on loopback, REST through the application itself."""
    vault = VaultInProcess(tmp_path / "vault")
    yield vault
    vault.close()


def request_for(name: str) -> tuple[str, str]:
    """A new private key and a certificate request for it, both PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, name)])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    encoding, encryption = serialization.Encoding.PEM, serialization.NoEncryption()
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, encryption)
    return private.decode(), request.public_bytes(encoding).decode()


class Identity:
    """An enrolled appliance's files and names."""

    def __init__(self, directory: Path, answer: dict[str, str], private: str) -> None:
        directory.mkdir()
        self.id, self.site = answer["appliance_id"], answer["site"]
        self.url = answer["control_url"]
        self.ca = directory / "ca.pem"
        self.chain = directory / "chain.pem"
        self.ca.write_text(answer["ca_pem"])
        self.chain.write_text(answer["certificate_pem"] + private)

    def context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.ca))
        context.load_cert_chain(self.chain)
        return context

    def hello(self, **changes) -> control.Hello:
        values = {
            "appliance_id": self.id,
            "site": self.site,
            "version": __version__,
            "fabric_kind": "simulated",
            "accelerated": False,
            "data_addresses": ("127.0.0.1:9445",),
        }
        return control.Hello(**{**values, **changes})


class Dialler:
    """An appliance's end of the control connection. Orders come to `orders`, those of them that only
    tell a setting to `told`; `answers` maps kinds to reports."""

    def __init__(self, identity: Identity, answers=None, hello: control.Hello | None = None) -> None:
        self.identity = identity
        self.orders: list[control.Order] = []
        self.told: list[control.Order] = []
        self.said: list[control.Message] = []
        self._answers = answers or {}
        self._open = contextlib.ExitStack()
        self.socket = self._open.enter_context(_dialled(identity))
        self.say(hello or identity.hello())
        self.greeting = control.parse(self.socket.recv(timeout=10))
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def say(self, message) -> None:
        self.socket.send(message.model_dump_json())

    def report(self, order_id: str, **what) -> None:
        self.say(control.Report(order_id=order_id, **what))

    def hang_up(self) -> None:
        self._open.close()
        self._thread.join(5)

    @property
    def ended(self) -> bool:
        return not self._thread.is_alive()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.hang_up()

    def _listen(self) -> None:
        try:
            for text in self.socket:
                message = control.parse(text)
                self.said.append(message)
                if isinstance(message, control.Order):
                    (self.told if message.kind in SETTINGS else self.orders).append(message)
                    if message.kind in self._answers:
                        self.report(message.order_id, **self._answers[message.kind](message))
        except ConnectionClosed:
            return


def _dialled(identity: Identity):
    """As an appliance does: a handshake that times out on a busy host is tried again."""
    for _ in range(2):
        with contextlib.suppress(TimeoutError):
            return connect(identity.url, ssl=identity.context(), proxy=None, close_timeout=1)
    return connect(identity.url, ssl=identity.context(), proxy=None, close_timeout=1)


def definition(fabric_id: str = "f-1", name: str = "web01") -> MachineDefinition:
    disks = (DiskDefinition(key="vda", size_bytes=1 << 30),)
    return MachineDefinition(
        fabric_id=fabric_id, name=name, fabric_kind="simulated", vcpus=1, memory_bytes=1 << 27, disks=disks
    )


def machine(machine_id: str = "m1", name: str = "web01", **changes) -> MachineRecord:
    values = {
        "home_site": "a",
        "source_site": "a",
        "target_site": "b",
        "source_appliance_id": "appliance-a",
        "target_appliance_id": "appliance-b",
        "source_fabric_id": f"f-{machine_id}",
        "target_fabric_id": f"t-{machine_id}",
        "policy": "default",
        "definition": definition(f"f-{machine_id}", name),
        "disks": ("vda",),
        "state": State.PROTECTED,
        "created_at": NOW,
    }
    return MachineRecord(id=machine_id, name=name, **{**values, **changes})


def source_status(machine_id: str = "m1", **changes) -> SourceStatus:
    return SourceStatus(
        **{"machine_id": machine_id, "epoch": 1, "power": "running", "running": True, **changes}
    )


def replica_status(machine_id: str = "m1", points=(), **changes) -> ReplicaStatus:
    values = {"machine_id": machine_id, "epoch": 1, "accepting": True, "synchronized": bool(points)}
    return ReplicaStatus(points=tuple(points), **{**values, **changes})


def point(seq: int, seconds_ago: float = 0, now: datetime = NOW, **changes) -> PointShape:
    return PointShape(
        id=f"p{seq}", taken_at=now - timedelta(seconds=seconds_ago), epoch=1, seq=seq, **changes
    )


@pytest.fixture
def two_sites(vault):
    return vault.enroll("a", "one"), vault.enroll("b", "two")


@pytest.fixture
def protected(vault, two_sites):
    """web01, protected from a to b, with its two appliances' statuses of just now."""
    source, target = two_sites
    now = datetime.now(UTC)
    record = machine(source_appliance_id=source.id, target_appliance_id=target.id, created_at=now)
    with vault.store.transaction() as tx:
        tx.machines.add(record)
        tx.statuses.put_source(source_status(sent_at=now, last_seq=9), now)
        tx.statuses.put_replica(replica_status(points=[point(1, 60, now), point(2, 30, now)]), now)
    return record
