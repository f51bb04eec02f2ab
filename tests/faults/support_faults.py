"""What the fault tests share: a vault with two sites over a link that can be hurt, a guest that counts,
figures."""

import threading
import time

from rig.eventually import eventually
from rig.noise import noise
from secondsite.fabrics import simulated
from secondsite.ground.units import KiB, MiB
from secondsite.wire.control.orders import Drain, Kind, RunCycle
from tests.support.enrolled import enrolled
from tests.support.vault import VaultInProcess

BLOCK = 64 * KiB


class CountingGuest:
    """Writes noise to `vda` until it is closed, and counts: what failed, the slowest write, which blocks
    changed since `mark`. `span` is the part of the disk that it writes to."""

    def __init__(self, root, fabric_id, bytes_per_second, span=32 * MiB, block_bytes=BLOCK):
        self.failed, self.written_bytes, self.slowest_seconds = [], 0, 0.0
        self._guest = simulated.Guest(root, fabric_id)
        self._pause = block_bytes / bytes_per_second
        self._block_bytes, self._blocks = block_bytes, span // block_bytes
        self._changed, self._lock, self._ended = set(), threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def mark(self):
        with self._lock:
            self._changed = set()

    def changed_bytes(self):
        with self._lock:
            return len(self._changed) * self._block_bytes

    def close(self):
        """Stop writing; everything is flushed."""
        self._ended.set()
        self._thread.join(30)
        assert not self._thread.is_alive()

    def _run(self):
        number = 0
        while not self._ended.wait(self._pause):
            number = (number * 5 + 7) % self._blocks
            before = time.monotonic()
            try:
                self._guest.write("vda", number * self._block_bytes, noise(self._block_bytes))
            except Exception as error:  # every failure counts, whatever it is
                self.failed.append(repr(error))
            self.slowest_seconds = max(self.slowest_seconds, time.monotonic() - before)
            self.written_bytes += self._block_bytes
            with self._lock:
                self._changed.add(number)
        self._guest.flush("vda")
        self._guest.close()


class World:
    """A vault and site a here, site b at the far end of a link; machine web01 is to be protected from a to
    b."""

    def __init__(self, folder, link, disk_bytes=64 * MiB, **limits):
        self.link = link
        self.vault = VaultInProcess(
            folder / "vault", names=(link.near, "127.0.0.1"), control_host=link.near, **limits
        )
        self.a = enrolled(self.vault, folder, "a", listen_host=link.near, peer_idle_seconds=30)
        self.b = enrolled(self.vault, folder, "b", listen_host=link.far, peer_idle_seconds=30)
        self.root = self.a.root
        self.fabric_id = self.a.make_machine(size_bytes=disk_bytes)

    def start(self):
        self.a.start()
        self.link.call(self.b.start)
        eventually(lambda: self.a.connected and self.b.connected, 30)
        return self

    def close(self):
        for each in (self.a, self.b):
            each.end()
        self.vault.close()

    def post(self, path, **body):
        answer = self.vault.rest.post(f"/api/{path}", json=body)
        assert answer.status_code < 300, answer.text
        return answer.json()

    def protect(self, **policy):
        """Protected, with a first point; gives the seconds that it took."""
        self.post("policies", name="fault", **policy)
        began = time.monotonic()
        self.post(
            "machines/enable-protection", machines=["web01"], source_site="a", target_site="b", policy="fault"
        )
        eventually(lambda: self.vault.rest.get("/api/machines/web01").json().get("state") == "protected", 90)
        return time.monotonic() - began

    def machine(self):
        answer = self.vault.rest.get("/api/machines/web01")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def codes(self):
        return {finding["code"] for finding in self.machine()["findings"]}

    def point_equals_the_disk(self, within_seconds=60):
        """A cycle of all that was written, its point, and the disk: bit for bit the same."""
        machine_id = self.machine()["id"]

        def tried(site, kind, payload):
            """The facts of an order; None while it has a problem."""
            report = site.order(kind, payload, machine_id)
            return None if report.problem else report.facts

        fact = eventually(lambda: tried(self.a, Kind.RUN_CYCLE, RunCycle()), within_seconds)
        drain = Drain(seal=False, at_least_seq=fact["seq"])
        eventually(lambda: tried(self.b, Kind.DRAIN, drain), within_seconds)
        assert self.b.point_bytes(machine_id, fact["point_id"]) == self.a.read(self.fabric_id)

    def write(self, offset, data):
        self.a.write(self.fabric_id, offset, data)


class Figures:
    """What a fault test measured: a property of the report, and a line that is seen with -rP or -s."""

    def __init__(self, record_property):
        self._record_property = record_property

    def __call__(self, **values):
        for name, value in values.items():
            shown = round(value, 2) if isinstance(value, float) else value
            self._record_property(name, shown)
            print(f"figure {name} = {shown}")
