"""A cluster that answers as Proxmox VE does, by its own schema, on a port of this machine (package fakepve).

No node of Proxmox VE runs here. What this one does not know, such as time and hardware, these tests do not
show."""

import asyncio
from contextlib import contextmanager

from fakepve import FakePve
from fakepve.certs import make_cert

from secondsite.fabrics.pve.access import Access
from secondsite.fabrics.pve.connection import Connection
from secondsite.ground import threads

TOKEN = "secondsite@pve!appliance"
SECRET = "6f1c2f0e-0c8b-4c3d-9b0e-000000000001"
SECONDS = 30.0


class Cluster:
    """A running cluster, the files by which it is reached, and what it was asked."""

    def __init__(self, folder):
        self.folder = folder
        self.pve = FakePve(host="127.0.0.1", port=0)
        self.pve.apitokens[TOKEN] = SECRET
        certificate, key, _ = make_cert(str(folder))
        self.access = Access((), folder / "token", folder / "ca.pem")
        self.access.token_file.write_text(f"{TOKEN}={SECRET}\n")
        self.access.token_file.chmod(0o600)
        self.access.ca_file.write_bytes((folder / "fakepve.crt").read_bytes())
        self._loop = asyncio.new_event_loop()
        self._worker = threads.worker("cluster", self._loop.run_forever)
        self._worker.start()
        self.do(self.pve.start(certificate, key))

    @property
    def address(self):
        return f"127.0.0.1:{self.pve.port}"

    def do(self, act):
        """Runs a coroutine where the cluster runs."""
        return asyncio.run_coroutine_threadsafe(act, self._loop).result(SECONDS)

    def changes(self):
        """The calls that changed something, or would have."""
        return [(method, path) for method, path, _ in self.pve.requests if method != "GET"]

    def reached_at(self, *addresses):
        return Access(addresses or (self.address,), self.access.token_file, self.access.ca_file)

    def stop(self):
        self.do(self.pve.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        assert threads.have_ended([self._worker], SECONDS)
        self._loop.close()


@contextmanager
def connected(access, **options):
    connection = Connection(access, **options)
    try:
        yield connection
    finally:
        connection.close()
