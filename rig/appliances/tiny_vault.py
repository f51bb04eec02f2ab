"""The smallest vault: takes connections of appliances, sends orders, keeps what they say."""

import ssl
import threading
import uuid
from datetime import UTC, datetime
from typing import Any

import trustme
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from rig.errors import OrderFailed
from rig.eventually import eventually
from secondsite.ground import threads
from secondsite.wire import control as wire
from secondsite.wire.common.base import Shape
from secondsite.wire.control.orders import Kind
from secondsite.wire.control.statuses import ReplicaStatus, SourceStatus


class TinyVault:
    """Listens on loopback at once; `stop` it."""

    def __init__(self, ca: trustme.CA, port: int = 0) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ca.issue_cert("127.0.0.1", common_name="vault").configure_cert(context)
        ca.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
        context.num_tickets = 0  # as the vault's own port
        self._lock = threading.Lock()
        self.connections: dict[str, ServerConnection] = {}
        self.hellos: list[wire.Hello] = []
        self.reports: dict[str, wire.Report] = {}
        self.report_counts: dict[str, int] = {}
        self.sources: dict[str, SourceStatus] = {}
        self.replicas: dict[str, ReplicaStatus] = {}
        self.generations: dict[str, dict[str, int]] = {}
        self.drill_generations: dict[str, dict[str, int]] = {}
        self._server = serve(self._serve, "127.0.0.1", port, ssl=context)
        self.port: int = self._server.socket.getsockname()[1]
        self.url = f"wss://127.0.0.1:{self.port}"
        self._thread = threads.worker("tiny-vault", self._server.serve_forever)
        self._thread.start()

    def stop(self) -> None:
        for connection in list(self.connections.values()):
            connection.close()
        self._server.shutdown()
        self._thread.join(10)

    def send(self, appliance_id: str, order: wire.Order) -> bool:
        """False when the appliance is not there."""
        connection = self.connections.get(appliance_id)
        if connection is None:
            return False
        try:
            connection.send(order.model_dump_json())
        except ConnectionClosed:
            return False
        return True

    def order(
        self, appliance_id: str, kind: Kind, payload: Shape | None = None, machine_id: str | None = None,
        within_seconds: float = 40, generation: int | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """Sends the order until its report is here, also over restarts of the appliance; gives the facts."""
        body = payload.model_dump(mode="json") if payload is not None else {}
        order = wire.Order(
            order_id=uuid.uuid4().hex,
            kind=kind,
            machine_id=machine_id,
            payload=body,
            deadline_seconds=20,
            generation=generation,
        )
        sent_over: list[ServerConnection] = []

        def answered() -> wire.Report | None:
            connection = self.connections.get(appliance_id)
            if connection is not None and connection not in sent_over and self.send(appliance_id, order):
                sent_over.append(connection)
            return self.reports.get(order.order_id)

        report = eventually(answered, within_seconds)
        if report.problem is not None:
            raise OrderFailed(f"{kind} at {appliance_id}: {report.problem}")
        return report.facts

    def _serve(self, connection: ServerConnection) -> None:
        hello = wire.parse(connection.recv(timeout=5))
        assert isinstance(hello, wire.Hello)
        self.hellos.append(hello)
        connection.send(wire.Welcome(vault_time=datetime.now(UTC), vault_number=3).model_dump_json())
        self.connections[hello.appliance_id] = connection
        try:
            for text in connection:
                self._hear(hello.appliance_id, wire.parse(text))
        except ConnectionClosed:
            pass
        finally:
            if self.connections.get(hello.appliance_id) is connection:
                del self.connections[hello.appliance_id]

    def _hear(self, appliance_id: str, message: wire.Message) -> None:
        with self._lock:
            if isinstance(message, wire.Report):
                self.reports[message.order_id] = message
                self.report_counts[message.order_id] = self.report_counts.get(message.order_id, 0) + 1
            elif isinstance(message, wire.Status):
                self.generations.setdefault(appliance_id, {}).update(message.generations)
                self.drill_generations.setdefault(appliance_id, {}).update(message.drill_generations)
                self.sources.update({each.machine_id: each for each in message.sources})
                self.replicas.update({each.machine_id: each for each in message.replicas})
