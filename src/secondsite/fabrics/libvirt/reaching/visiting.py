"""The process that asks a machine's services. It ends with this one, and with it the network namespace that it is in."""

import contextlib
import json
import socket
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from ....domain import errors
from ....domain.networks import addresses
from ....ground.processes import children
from ...reaching import Answers, Knock, KnockResult

PROGRAM = Path(__file__).with_name("program.py")
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
END_SECONDS = 10.0
PRIVILEGES = (
    "The appliance's service needs CAP_SYS_ADMIN, CAP_NET_ADMIN and CAP_NET_RAW for that, with RestrictNamespaces=net and "
    "RestrictAddressFamilies=AF_PACKET: give them by 'systemctl edit', then start it again."
)


@contextlib.contextmanager
def visit(knocks: Sequence[Knock], bridge: str | None, source: str | None) -> Iterator[Answers]:
    """From a network namespace of its own that is plugged into the bridge, or without one as this host. Raises FabricError, also for an
    address of this host: what answers there is no machine's."""
    if bridge is None:
        _require_no_own(knocks)
    asked = json.dumps({"knocks": [asdict(each) for each in knocks], "bridge": bridge, "source": source})
    command = [sys.executable, "-I", str(PROGRAM), asked]
    with tempfile.NamedTemporaryFile() as output:
        try:
            child = children.start(["unshare", "--net", *command] if bridge else command, output, ENVIRONMENT)
        except OSError as error:
            raise errors.FabricError(
                f"The services of a machine could not be asked: {error}", do="Install util-linux."
            ) from error
        try:
            yield lambda: _read(Path(output.name), len(knocks), child.poll() is not None)
        finally:
            child.kill()
            child.wait(END_SECONDS)


def _require_no_own(knocks: Sequence[Knock]) -> None:
    for address in dict.fromkeys(addresses.host(each.address) for each in knocks):
        if is_own(address):
            raise errors.FabricError(
                f"{address} is an address of the appliance's own host, and not the machine's: whatever answers there would answer in its place.",
                do="Give the machine's own address with the check, or look which address its guest has.",
            )


def is_own(address: str) -> bool:
    """Whether this host has it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as found:
        try:
            found.bind((address, 0))
        except OSError:
            return False
    return True


def _read(output: Path, number: int, ended: bool) -> Mapping[int, KnockResult]:
    lines = output.read_text(errors="replace").splitlines()
    found, other = {}, ""
    for line in lines:
        try:
            said = json.loads(line)
            found[int(said["number"])] = KnockResult(bool(said["passed"]), str(said["said"]))
        except (ValueError, KeyError, TypeError):
            other = line
    if ended:
        missed = KnockResult(
            False, f"nobody could be asked: {other or 'the process ended early'}. {PRIVILEGES}"
        )
        found = {each: found.get(each, missed) for each in range(number)}
    return found
