"""A real name server (Knot DNS) on this host's loopback, with a zone that a key may change."""

import base64
import contextlib
import secrets
import shutil
import socket
from collections.abc import Mapping
from pathlib import Path

import dns.exception
import dns.message
import dns.query

from rig.eventually import eventually
from secondsite.ground.processes import children

HERE, KEY, ZONE = "127.0.0.1", "secondsite", "shop.example"
PROGRAM = "knotd"
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
CONFIG = """
server:
    rundir: {folder}
    listen: {here}@{port}
    tcp-workers: 1
    udp-workers: 1
    background-workers: 1
database:
    storage: {folder}
log:
  - target: stderr
    any: info
key:
  - id: {key}
    algorithm: hmac-sha256
    secret: {secret}
acl:
  - id: names
    key: {key}
    action: update
    update-type: A
zone:
  - domain: {zone}
    storage: {folder}
    file: zone
    acl: names
  - domain: locked.example
    storage: {folder}
    file: locked
"""
RECORDS = """$ORIGIN {zone}.
$TTL 60
@ SOA ns admin 1 3600 600 86400 60
@ NS ns
ns A 127.0.0.1
"""


class NameServer:
    """A context: it runs inside. `records` are lines of the zone, such as 'web01 A 10.7.9.1'; `here`: the
    address that it serves at."""

    def __init__(self, folder: Path, *records: str, here: str = HERE) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.here = here
        self.folder, self.secret = folder, base64.b64encode(secrets.token_bytes(32)).decode()
        self.port = _free_port(here)
        self.secret_file = folder / "secret"
        self.secret_file.touch(mode=0o600)
        self.secret_file.write_text(f"{self.secret}\n")
        zone = RECORDS.format(zone=ZONE) + "".join(f"{line}\n" for line in records)
        (folder / "zone").write_text(zone)
        (folder / "locked").write_text(RECORDS.format(zone="locked.example") + "web01 A 10.7.9.1\n")
        self._config = folder / "knot.conf"
        self._config.write_text(
            CONFIG.format(folder=folder, here=here, port=self.port, key=KEY, secret=self.secret, zone=ZONE)
        )
        self._config.chmod(0o600)
        self._child: children.Child | None = None

    @property
    def settings(self) -> Mapping[str, object]:
        """The section `dns` of an appliance that may change it."""
        return {
            "server": self.here,
            "port": self.port,
            "zones": [ZONE],
            "key_name": KEY,
            "secret_file": str(self.secret_file),
        }

    def __enter__(self) -> "NameServer":
        self.start()
        return self

    def __exit__(self, *_problem: object) -> None:
        self.stop()

    def start(self) -> None:
        program = shutil.which(PROGRAM, path=PATH)
        assert program is not None, f"there is no {PROGRAM}: './dev setup' installs it"
        with (self.folder / "knot.log").open("ab") as log:
            self._child = children.start([program, "-c", str(self._config)], log, {"PATH": PATH})
        try:
            eventually(self._answers, 20)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        if self._child is not None:
            self._child.terminate()
            self._child.wait(20)
            self._child = None

    def addresses(self, name: str, kind: str = "A") -> list[str]:
        """What anybody is told."""
        answer = dns.query.tcp(dns.message.make_query(name, kind), self.here, timeout=5, port=self.port)
        return sorted(str(item) for each in answer.answer for item in each)

    def serial(self) -> int:
        """It rises with every change of the zone."""
        answer = dns.query.tcp(dns.message.make_query(ZONE, "SOA"), self.here, timeout=5, port=self.port)
        return int(str(answer.answer[0][0]).split()[2])

    def _answers(self) -> bool:
        with contextlib.suppress(OSError, dns.exception.DNSException):
            return bool(self.serial())
        return False


def _free_port(here: str) -> int:
    """Of both kinds."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as stream:
        stream.bind((here, 0))
        port: int = stream.getsockname()[1]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram, contextlib.suppress(OSError):
            datagram.bind((here, port))
            return port
    return _free_port(here)
