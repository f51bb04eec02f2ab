"""A look at a thousand machines costs little, and writes nothing while nothing has changed."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from secondsite.domain.notices.targets import NoticeTarget, Webhook
from secondsite.domain.policies import ReplicationPolicy
from secondsite.jobs.model.catalogue import Catalogue
from secondsite.jobs.storage import database
from secondsite.vault.health.backups import Backups
from secondsite.vault.notices.delivery.connection import Line, NotDelivered
from secondsite.vault.notices.detection import Detection
from secondsite.vault.notices.findings import Findings
from secondsite.vault.store import (
    ApplianceRecord,
    NoticeTargetRecord,
    SiteRecord,
    Store,
    ValidationRecord,
    migrate,
)
from secondsite.wire.rest.validation import Flaw, FlawKind
from tests.support import statements
from tests.support.vault import NOW, machine
from tests.vault.support_intake import Intake

CHANGES = ("INSERT", "UPDATE", "DELETE", "BEGIN IMMEDIATE")
AUTHORITY: Any = SimpleNamespace(appliance_lifetime=timedelta(days=90), ends_at=NOW + timedelta(days=5000))


@pytest.fixture
def opened(tmp_path):
    """A store with two appliances, and its engine."""
    url = f"sqlite:///{tmp_path / 'vault.db'}"
    migrate(url)
    engine = database.connect(url)
    store = Store(engine)
    with store.transaction() as tx:
        tx.policies.put(ReplicationPolicy("default"))
        for site in ("a", "b"):
            tx.sites.add(SiteRecord(site, NOW))
            until = NOW + timedelta(days=80)
            tx.appliances.put(ApplianceRecord(f"appliance-{site}", site, site, NOW, until, connected=True))
    yield engine, store
    engine.dispose()


def looking(store, holds=lambda _appliance_id: True):
    facts = Intake(store, lambda _signal: None, lambda: NOW)
    gateway = SimpleNamespace(holds=holds)
    deps: Any = SimpleNamespace(gateway=gateway, now=lambda: NOW, drill_counts=timedelta(days=90))
    findings = Findings(deps, facts, AUTHORITY, Backups(timedelta()), "test")
    return Detection(store, findings, lambda: NOW, lambda: NOW, Catalogue(()))


def target(store):
    settings = NoticeTarget(webhook=Webhook("http://127.0.0.1:9/"))
    with store.transaction() as tx:
        tx.notice_targets.put(NoticeTargetRecord("t1", "hook", settings, "key", NOW, NOW))
        return tx.notice_targets.list()


def add(store, *numbers, **changes):
    with store.transaction() as tx:
        for number in numbers:
            tx.machines.add(machine(f"m{number}", f"web{number}", **changes))


def unsent(store):
    with store.reading() as tx:
        found = tx.notices.unsent().get("t1")
    return found.notices if found else 0


def test_a_look_that_finds_nothing_new_writes_nothing_and_asks_as_much_for_many_machines(opened):
    engine, store = opened
    targets = target(store)
    look = looking(store)
    asked = []
    for numbers in (range(10), range(10, 400)):
        add(store, *numbers)
        look.look(targets, at_findings=True)
        said = statements.noted(engine)
        engine.dispose()
        look.look(targets, at_findings=True)
        asked.append(len(statements.kinds(said)))
        assert not [each for each in said if each.startswith(CHANGES)]
    assert asked[0] == asked[1]
    assert unsent(store) == 0


def test_a_finding_that_was_told_is_told_no_more_though_the_vault_was_restarted(opened):
    _, store = opened
    targets = target(store)
    add(store, 1, target_appliance_id="gone")
    for _ in range(3):
        looking(store).look(targets, at_findings=True)
    assert unsent(store) == 1


def test_what_a_check_of_the_configuration_found_is_told_once_and_again_when_it_is_mended(opened):
    _, store = opened
    targets = target(store)
    flaw = Flaw(kind="plan", about="plan shop", what="web01 is gone.", do="Mend it.", sites=("a",), since=NOW)
    warning = flaw.model_copy(update={"kind": FlawKind.MACHINE_WARNING})
    for flaws, told in (((warning,), 0), ((flaw, warning), 1), ((flaw,), 1), ((), 2)):
        with store.transaction() as tx:
            tx.validations.put(ValidationRecord(NOW, 1, 0, flaws))
        for _ in range(2):
            looking(store).look(targets, at_findings=True)
        assert unsent(store) == told


def test_of_two_processes_that_look_at_the_same_one_writes_it(opened):
    _, store = opened
    targets = target(store)
    add(store, 1, source_appliance_id="gone", target_appliance_id="lost")
    one, other = looking(store), looking(store, lambda _appliance_id: False)
    for each in (one, other, one, other):
        each.look(targets, at_findings=True)
    assert unsent(store) == 1


def test_a_machine_that_another_process_hears_is_its_own(opened):
    _, store = opened
    targets = target(store)
    add(store, 1, source_appliance_id="gone")
    looking(store, lambda _appliance_id: False).look(targets, at_findings=True)
    assert unsent(store) == 0
    looking(store).look(targets, at_findings=True)
    assert unsent(store) == 1


def test_a_look_that_failed_loses_no_job(opened, monkeypatch):
    _, store = opened
    targets = target(store)
    look = looking(store)
    look.look(targets, at_findings=False)
    look.ends.hear("job")
    with monkeypatch.context() as patched:
        patched.setattr(store, "reading", lambda: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            look.look(targets, at_findings=False)
    assert look.ends.take() == {"job"}


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254", "fe80::1%eth0", "::ffff:169.254.169.254", "100.100.100.200", "168.63.129.16",
        "192.0.0.192", "::ffff:192.0.0.192", "fd00:ec2::254", "fd20:ce::254",
    ],
)  # fmt: skip
def test_where_clouds_give_their_machines_secrets_nothing_is_told(monkeypatch, address):
    closed = []
    opened = SimpleNamespace(getpeername=lambda: (address, 80), close=lambda: closed.append(1))
    monkeypatch.setattr("socket.create_connection", lambda *_: opened)
    with pytest.raises(NotDelivered, match="nothing is sent there"), Line() as line:
        line.dial("metadata", 80)
    assert closed
