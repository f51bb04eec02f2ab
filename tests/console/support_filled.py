"""Two simulated sites in the middle of their life: each page of the console has something to tell."""

import contextlib
import json
import random
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rig import Rig
from rig.eventually import eventually
from secondsite.client import connect
from secondsite.domain import rpo_samples
from secondsite.domain.errors import ApprovalNeeded
from secondsite.domain.lifecycle import Verb
from secondsite.entry.settings import default_database
from secondsite.jobs.storage import database
from secondsite.vault.store import Store
from tests.support import command_line

LONG = "erp-with-a-name-that-is-rather-long-for-a-narrow-screen"
MACHINES = ("app01", "app02", "db01", "db02", LONG, "files01", "mail01", "web01", "web02", "web03")
NEW = ("kiosk01", "kiosk02")
LATE, AWAY, DRILLED, TRIED = "mail01", "web02", "db02", "web03"
DAY = timedelta(days=1)
PLAN = {
    "rto_goal_seconds": 1800,
    "groups": [
        {"machines": ["db01"], "after": [{"name": "Look at the database", "instruction": "Does it answer?"}]},
        {"machines": ["app01", "app02"]},
        {"machines": ["web01"], "before": [{"name": "Call the help desk", "instruction": "Tell them."}]},
    ],
}


@contextlib.contextmanager
def filled():
    """The rig with all that, running."""
    with tempfile.TemporaryDirectory(prefix="ss-", ignore_cleanup_errors=True) as folder:
        with Rig("simulated", Path(folder) / "rig", forked=True) as rig:
            rig.open(furnish=lambda site: _furnish(rig, site))
            with rig.client() as vault:
                _configure(rig, vault)
                _protect(rig, vault)
            _look_back(rig)
            with rig.client() as vault:
                _live(rig, vault)
            yield rig


def _furnish(rig, site):
    for name in (*MACHINES, *NEW) if site == "a" else ():
        machine = rig.make_simulated(name, site, disk_bytes=(8 << 20,))
        machine.write(0, random.Random(name).randbytes(1 << 20))


def _configure(rig, vault):
    vault.policies.create(
        "gold",
        rpo_threshold_seconds=600,
        rto_goal_seconds=900,
        cycle_seconds=2,
        crash_consistent_every_seconds=5,
        retention_seconds=172_800,
    )
    vault.policies.create("late", rpo_threshold_seconds=10, crash_consistent_every_seconds=3600)
    secret = rig.folder / "secret"
    secret.write_text("0123456789abcdef")
    for words in (
        ("site", "limit", "a", "--rate", "100MB/s", "--window", "mon-fri 08:00-18:00 20MB/s"),
        ("site", "verify", "b", "--every", "7d", "--hours", "22:00-05:00"),
        (
            "pool",
            "create",
            "dmz",
            f"b/{rig.bridge('b')}",
            "--subnet",
            "10.2.0.0/24",
            "--range",
            "10.2.0.100-10.2.0.149",
            "--gateway",
            "10.2.0.1",
        ),
        (
            "notice",
            "set",
            "ops",
            "--webhook",
            "https://127.0.0.1:9/",
            "--secret-file",
            str(secret),
            "--findings",
            "critical",
            "--jobs",
            "failed",
        ),
        ("person", "create", "olga", "--role", "operator"),
        ("person", "create", "paul", "--role", "reader", "--site", "b"),
        ("token", "create", "prometheus", "--role", "reader"),
    ):
        command_line.told(rig, *words)


def _protect(rig, vault):
    for name in MACHINES:
        policy = "late" if name == LATE else "gold" if name.startswith(("db", "web")) else "default"
        vault.machines[name].enable_protection("a", "b", policy=policy).wait()
    seeds = {NEW[1]: {"vda": "/media/usb/kiosk02.qcow2"}}
    vault.machines[NEW[1]].enable_protection("a", "b", seeds=seeds).wait(must_succeed=False)
    vault.groups.create("pair", "a", "b", ["files01", "app02"])
    file = rig.folder / "shop.json"
    file.write_text(json.dumps(PLAN))
    for words in (
        ("plan", "create", "shop", "--file", str(file)),
        ("drill", "schedule", "set", "monthly", "--machine", DRILLED, "--every", "30d", "--at", "02:00"),
        ("check", "set", "web01", "page", "--kind", "http", "--path", "/health", "--text", "ok"),
        ("check", "set", TRIED, "prompt", "--kind", "console", "--text", "no such prompt", "--deadline", "2"),
        ("hook", "set", "web01", "give", "--script", "public-address", "--moment", "after_start"),
    ):
        command_line.told(rig, *words)


def _look_back(rig):
    """As if it had been so for a day: the ages of each machine's replica."""
    rig.vault.stop()
    engine = database.connect(default_database(rig.home("vault")))
    with Store(engine).transaction() as tx:
        ids = [each.id for each in tx.machines.list()]
        begins_at, _ = rpo_samples.block_of(datetime.now(UTC) - DAY)
        while begins_at < datetime.now(UTC) - timedelta(minutes=10):
            tx.rpo.fill(begins_at, {each: _ages(each, begins_at) for each in ids})
            begins_at += timedelta(minutes=10)
    engine.dispose()
    rig.vault.start()
    rig.wait_connected()


def _ages(machine_id, begins_at):
    chance = random.Random(f"{machine_id}{begins_at}")
    most = 900 if begins_at.hour == 3 else 240
    return {slot: rpo_samples.Rpo(age := chance.uniform(20, most), age, age + 5) for slot in range(0, 60, 6)}


def _live(rig, vault):
    vault.machines[DRILLED].test_failover(network="create").wait()
    vault.machines[DRILLED].cleanup_test_failover(notes="Boots, the shop answers.", verdict="passed").wait()
    vault.machines[TRIED].test_failover(network="create").wait(must_succeed=False)
    vault.machines[TRIED].cleanup_test_failover(notes="No prompt came.", verdict="failed").wait()
    vault.machines["db01"].test_failover(network="create").wait()
    vault.machines["db01"].cleanup_test_failover(notes="Fine.", verdict="passed").wait()
    vault.machines["files01"].test_failover(network="create").wait()
    vault.machines[AWAY].failover().wait()
    points = vault.machines["db01"].points
    points[next(iter(points)).id].hold("before the upgrade")
    for name in ("carl", "dora"):
        vault.tokens.create(name, "access_administrator", person=name, valid_seconds=None)
    secret = vault.tokens.create("ann", "contributor", person="ann").token
    vault.approvals.require("disable_protection")
    with (
        connect(rig.url, secret, rig.home("vault") / "pki/ca.pem") as ann,
        contextlib.suppress(ApprovalNeeded),
    ):
        ann.machines[LONG].disable_protection()
    job = vault.plans["shop"].run(Verb.TEST_FAILOVER)
    eventually(lambda: any(each.asks for each in job.show().tasks))
    eventually(lambda: len(list(vault.evidence.list())) >= 4)
