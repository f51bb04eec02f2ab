"""A vault and two sites while strangers attack all their ports, and in the spans between: how soon the API
answers, and how old the second site is."""

from __future__ import annotations

import contextlib
import functools
import json
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx2

from bench.errors import NotMeasured
from bench.support import policies
from bench.support.guests import Guests
from rig import Rig, processes
from secondsite.domain.lifecycle import Verb
from secondsite.ground import threads
from secondsite.ground.units import MiB
from secondsite.wire import rest

IDLE, LOOPING = 2000, 200
"""At each of the three ports."""
SPANS = 2
SPAN_SECONDS = 40
ASK_EVERY_SECONDS = 0.05
DISK_BYTES = 128 * MiB
HOW = (
    f"{SPANS} spans of {SPAN_SECONDS} s with strangers and as many without, in turn. At the REST port, the "
    f"control port and the target's data port each: {IDLE} connections held open, half of them with TLS, "
    f"and {LOOPING} that dial, shake hands and send a wrong token with 100 kB, again and again, from 40 "
    "addresses; as if on other hosts, they take only processor that is idle"
)
POLICY = policies.for_vault(point_every_seconds=60)


@dataclass(slots=True)
class Seen:
    """Seconds: until an answer came on a kept and on a new connection, and the age of what the second site
    could start from."""

    kept: list[float] = field(default_factory=list)
    new: list[float] = field(default_factory=list)
    ages: list[float] = field(default_factory=list)


@dataclass(slots=True)
class Attacked:
    """`made`: connections that the strangers made."""

    without: Seen = field(default_factory=Seen)
    under: Seen = field(default_factory=Seen)
    made: int = 0


@functools.cache
def measured() -> Attacked:
    """Measured once for all figures of a run; spans without and with strangers alternate."""
    rig = Rig("simulated")
    try:
        rig.open(furnish=lambda site: _furnish(rig, site))
        with rig.client() as vault:
            vault.policies.create(**POLICY.model_dump())
        request = rest.EnableProtection(
            machines=("bench",), source_site="a", target_site="b", policy=POLICY.name
        )
        rig.must(Verb.ENABLE_PROTECTION, request, within_seconds=120)
        root, fabric_id = rig.home("appliance-a") / "fabric", rig.simulated["bench"].fabric_id
        with Guests(root, [fabric_id]) as guests:
            seen = _spans(rig)
            if not guests.writing:
                raise NotMeasured("the guest stopped writing")
        return seen
    finally:
        rig.close()


def _furnish(rig: Rig, site: str) -> None:
    if site == "a":
        rig.make_simulated("bench", disk_bytes=(DISK_BYTES,))


def _spans(rig: Rig) -> Attacked:
    found = Attacked()
    _look(rig, Seen(), 10)
    for _ in range(SPANS):
        _look(rig, found.without, SPAN_SECONDS)
        with _strangers(rig) as attackers:
            _look(rig, found.under, SPAN_SECONDS)
            found.made += sum(int(each.communicate(timeout=60)[0]) for each in attackers)
    return found


@contextlib.contextmanager
def _strangers(rig: Rig) -> Iterator[list[subprocess.Popen[str]]]:
    command = [sys.executable, "-m", "rig.strangers", "--tls", "--elsewhere"]
    wanted = [str(IDLE), str(LOOPING), str(SPAN_SECONDS)]
    begun = [
        subprocess.Popen(
            [*command, str(port), *wanted],
            env=processes.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for port in _ports(rig)
    ]
    try:
        yield begun
    finally:
        for each in begun:
            each.kill()
            each.wait(10)


def _ports(rig: Rig) -> list[int]:
    """REST and control port of the vault, data port of the target."""
    vault = json.loads((rig.home("vault") / "vault.json").read_text())
    target = json.loads((rig.home("appliance-b") / "appliance.json").read_text())
    return [vault["rest_port"], vault["control_port"], target["listen_port"]]


def _look(rig: Rig, seen: Seen, seconds: float) -> None:
    done = threading.Event()
    ages = threads.worker("ages", _age, rig, seen.ages, done)
    ages.start()
    try:
        _ask(rig, seen, time.monotonic() + seconds)
    finally:
        done.set()
        ages.join()


def _ask(rig: Rig, seen: Seen, ends_at: float) -> None:
    home = rig.home("vault")
    headers = {"Authorization": f"Bearer {(home / 'token').read_text().strip()}"}
    trust = ssl.create_default_context(cafile=str(home / "pki" / "ca.pem"))
    url = f"{rig.url}/api/machines"
    with httpx2.Client(verify=trust, headers=headers, timeout=30) as kept:
        kept.get(url)
        while time.monotonic() < ends_at:
            seen.kept.append(_seconds(kept, url))
            with httpx2.Client(verify=trust, headers=headers, timeout=30) as new:
                seen.new.append(_seconds(new, url))
            time.sleep(ASK_EVERY_SECONDS)


def _seconds(client: httpx2.Client, url: str) -> float:
    began = time.monotonic()
    client.get(url).raise_for_status()
    return time.monotonic() - began


def _age(rig: Rig, ages: list[float], done: threading.Event) -> None:
    (record,) = (rig.home("appliance-b") / "store" / "replicas").glob("*/replica.json")
    while not done.wait(0.25):
        instant = json.loads(record.read_text())["processed_taken_at"]
        ages.append((datetime.now(UTC) - datetime.fromisoformat(instant)).total_seconds())
