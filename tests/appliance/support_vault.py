"""The smallest vault: takes connections of appliances, sends orders, keeps what they say."""

import ssl
import threading
import uuid
from datetime import UTC, datetime

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import serve

from secondsite.wire import control as wire
from tests.support.eventually import eventually


class TinyVault:
    def __init__(self, ca, port=0):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ca.issue_cert("127.0.0.1", common_name="vault").configure_cert(context)
        ca.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
        self.lock = threading.Lock()
        self.connections, self.reports, self.sources, self.replicas = {}, {}, {}, {}
        self.report_counts, self.hellos = {}, []
        self.server = serve(self._serve, "127.0.0.1", port, ssl=context)
        self.port = self.server.socket.getsockname()[1]
        self.url = f"wss://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def stop(self):
        for connection in list(self.connections.values()):
            connection.close()
        self.server.shutdown()
        self.thread.join(10)

    def _serve(self, connection):
        hello = wire.parse(connection.recv(timeout=5))
        self.hellos.append(hello)
        connection.send(wire.Welcome(vault_time=datetime.now(UTC)).model_dump_json())
        self.connections[hello.appliance_id] = connection
        try:
            for text in connection:
                self._hear(wire.parse(text))
        except ConnectionClosed:
            pass
        finally:
            if self.connections.get(hello.appliance_id) is connection:
                del self.connections[hello.appliance_id]

    def _hear(self, message):
        with self.lock:
            if isinstance(message, wire.Report):
                self.reports[message.order_id] = message
                self.report_counts[message.order_id] = self.report_counts.get(message.order_id, 0) + 1
            elif isinstance(message, wire.Status):
                self.sources.update({each.machine_id: each for each in message.sources})
                self.replicas.update({each.machine_id: each for each in message.replicas})

    def send(self, appliance_id, order):
        """False when the appliance is not there."""
        connection = self.connections.get(appliance_id)
        if connection is None:
            return False
        try:
            connection.send(order.model_dump_json())
        except ConnectionClosed:
            return False
        return True

    def order(self, appliance_id, kind, payload=None, machine_id=None, within_seconds=40):
        """Sends the order until its report is here, also over restarts of the appliance; gives the facts."""
        body = payload.model_dump(mode="json") if payload is not None else {}
        order = wire.Order(
            order_id=uuid.uuid4().hex, kind=kind, machine_id=machine_id, payload=body, deadline_seconds=20
        )
        sent_over = []

        def answered():
            connection = self.connections.get(appliance_id)
            if connection is not None and connection not in sent_over and self.send(appliance_id, order):
                sent_over.append(connection)
            return self.reports.get(order.order_id)

        report = eventually(answered, within_seconds)
        assert report.problem is None, report.problem
        return report.facts
