"""A vault with protected machines: the appliance that replicates them says whatever the test wants, the
other one is honest."""

import contextlib
from datetime import UTC, datetime
from typing import Any

from starlette.testclient import TestClient
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from rig.eventually import eventually
from secondsite.entry import settings
from secondsite.entry.vault_wiring import RunningVault
from secondsite.wire.control import Status, orders
from secondsite.wire.control.orders import Kind
from tests.support.vault import Dialler, VaultInProcess, machine, point, replica_status, source_status

PAGES = (
    "/machines", "/summary", "/appliances", "/sites", "/jobs", "/vault", "/validation", "/audit",
    "/machines/m0/points", "/machines/m0/rpo",
    "/machines/m0/preview", "/machines/m0/choices",
)  # fmt: skip
NOW = datetime.now(UTC).replace(microsecond=0)
LET_IN_SECONDS = 60
FACTS = {
    Kind.START_REPLICA: {
        "fabric_id": "t",
        "name": "t",
        "point_id": "p1",
        "taken_at": NOW.isoformat(),
        "seconds": 1,
    },
    Kind.PROVE: {"evidence": {"proven": True, "power": "running", "agent": "answered", "seconds": 1}},
    Kind.POWER: {"power": "running"},
    Kind.SHUT_DOWN: {"power": "off"},
    Kind.DRAIN: {"points": [point(1, 60, NOW).model_dump(mode="json")]},
    Kind.LIST_POINTS: {"points": [point(1, 60, NOW).model_dump(mode="json")]},
}


class Honest(dict[Any, Any]):
    """The reports of an appliance that carries out everything."""

    def __bool__(self):
        return True

    def __contains__(self, kind):
        return True

    def __getitem__(self, kind):
        return lambda _order: {"facts": FACTS.get(kind, {})}


class Border:
    """`machines` are the ids of those that can be failed over still."""

    def __init__(self, home, database_url=None, machines=1):
        self.vault = VaultInProcess(home, database_url)
        self.rest = self.vault.rest
        self.liar, self.target = self.vault.enroll("a"), self.vault.enroll("b")
        self.stranger = self.vault.enroll("c")
        self.machines = [f"m{number}" for number in range(machines)]
        self._waiting = list(self.machines)
        with self.vault.store.transaction() as tx:
            for each in self.machines:
                sides = {"source_appliance_id": self.liar.id, "target_appliance_id": self.target.id}
                tx.machines.add(machine(each, each, epoch=1, created_at=NOW, **sides))
        self.honest: Any = None
        self._open = contextlib.ExitStack()
        self.connect()

    def connect(self):
        self.honest = self._open.enter_context(Dialler(self.target, Honest()))
        self.honest.say(Status(replicas=[self.replica(each) for each in self.machines]))

    def replica(self, machine_id, **changes):
        return replica_status(machine_id, [point(1, 60, NOW)], **changes)

    def source(self, machine_id, **changes):
        return source_status(machine_id, sent_at=NOW, **changes)

    def start_again(self):
        """The vault, on what it has kept."""
        self._open.close()
        self.vault.running.stop()
        self.vault.running = RunningVault(self.vault.home, settings.read(self.vault.home))
        app = self.vault.running.start()
        for each in (self.liar, self.target, self.stranger):
            each.url = self.vault.running.control_url
        self.rest = TestClient(app, raise_server_exceptions=False, headers=dict(self.rest.headers))
        self.connect()

    def require_pages(self):
        for each in (*PAGES, *(f"/machines/{name}" for name in self.machines)):
            answer = self.rest.get(f"/api{each}")
            assert answer.status_code == 200, (each, answer.text)

    def require_heard(self):
        """What an honest appliance says arrives."""
        written = self.rest.get(f"/api/appliances/{self.target.id}").json()
        assert written["connected"], written

    def fail_over(self):
        """The next machine comes up at its target, and that can say what it has seen."""
        name = self._waiting.pop(0)
        answer = self.rest.post(f"/api/machines/{name}/failover", json={})
        assert answer.status_code == 202, answer.text
        job_id = answer.json()["job_id"]
        order = eventually(lambda: self._started(name) or self._ended(job_id), 60)
        assert not isinstance(order, dict), order
        self.honest.say(Status(generations={name: order.generation}))
        job = eventually(lambda: self._ended(job_id), 60)
        assert job["state"] == "succeeded", job
        return order

    def hello(self, text):
        """The liar connects with this as its first word; gives what came back."""
        with eventually(self._let_in, LET_IN_SECONDS) as socket:
            socket.send(text)
            with contextlib.suppress(ConnectionClosed, TimeoutError):
                return socket.recv(timeout=10)
        return None

    def _let_in(self):
        """None while the vault turns away a host that dials too often."""
        try:
            return connect(self.liar.url, ssl=self.liar.context(), proxy=None, close_timeout=1)
        except OSError:
            return None

    def disbelieved(self, identity):
        with self.vault.store.reading() as tx:
            appliance = tx.appliances.find(identity.id)
        assert appliance is not None
        return appliance.disbelieved.what if appliance.disbelieved else ""

    def generation(self, name):
        """The highest that was believed."""
        with self.vault.store.reading() as tx:
            return tx.statuses.generation(name)

    def _started(self, name):
        return next(
            (
                each
                for each in self.honest.orders
                if (each.kind, each.machine_id) == (Kind.START_REPLICA, name)
            ),
            None,
        )

    def _ended(self, job_id):
        job = self.rest.get(f"/api/jobs/{job_id}").json()
        return job if job["state"] in ("succeeded", "failed") else None

    def findings(self, name):
        return {
            each["code"]: each["what"] for each in self.rest.get(f"/api/machines/{name}").json()["findings"]
        }

    def close(self):
        self._open.close()
        self.vault.close()


assert set(FACTS) <= set(orders.ORDERS)
