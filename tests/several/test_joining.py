"""One more process of a vault is made, or refused with what to do; two may start at once, and a newer
release is noticed."""

import contextlib
import signal

import pytest
from sqlalchemy import text

from rig.eventually import eventually
from rig.processes import DidNotStart
from secondsite.domain import errors
from secondsite.domain.lifecycle import Verb
from secondsite.entry import join, settings, vault_main
from secondsite.fabrics import simulated
from secondsite.ground import threads
from secondsite.jobs.storage import database
from secondsite.vault.store import migrate
from secondsite.vault.store.migration import upgrading
from secondsite.wire import rest
from tests.several.support_several import seconds_until
from tests.support.vault_process import Process

pytestmark = [pytest.mark.slow, pytest.mark.postgresql, pytest.mark.timeout(300)]

HERE = join.Place(("127.0.0.1",), "127.0.0.1", 0, "127.0.0.1", 0)


@pytest.fixture
def first(tmp_path, postgres_url):
    """The home of a vault that has run."""
    vault_main.init(tmp_path / "first", database_url=postgres_url, rest_port=0, control_port=0)
    vault = Process(tmp_path / "first")
    yield tmp_path / "first"
    if vault.process.poll() is None:
        vault.end(signal.SIGTERM)


def test_a_process_that_joined_shares_all_but_its_own_id_and_certificate(first, tmp_path, postgres_url):
    join.join(tmp_path / "second", first / "pki", postgres_url, HERE)
    one, other = settings.read(first), settings.read(tmp_path / "second")
    assert one.name == other.name
    assert one.id != other.id
    second = Process(tmp_path / "second")
    token = (first / "token").read_text().strip()
    assert second.get("/vault", token, ca=first / "pki" / "ca.pem")["name"] == one.name
    assert second.get("/jobs?state=held", token)["items"] == [], "it is not taken for a restored copy"
    assert second.end() < 20
    with pytest.raises(errors.AlreadyExists):
        join.join(tmp_path / "second", first / "pki", postgres_url, HERE)


def test_a_database_that_serves_one_process_is_refused(first, tmp_path):
    with pytest.raises(errors.InvalidArgument, match="SQLite serves one"):
        join.join(tmp_path / "second", first / "pki", "sqlite:///x.db", HERE)


def test_the_ca_of_another_vault_is_refused(first, tmp_path, postgres_url):
    vault_main.init(tmp_path / "stranger", rest_port=0, control_port=0)
    with pytest.raises(errors.InvalidArgument, match="that of the vault") as refused:
        join.join(tmp_path / "second", tmp_path / "stranger" / "pki", postgres_url, HERE)
    assert "Copy 'pki'" in refused.value.do
    assert not (tmp_path / "second").exists()


def test_a_database_without_a_vault_is_refused(tmp_path, postgres_url):
    vault_main.init(tmp_path / "stranger", rest_port=0, control_port=0)
    with pytest.raises(errors.NotPossibleNow, match="no vault of this release"):
        join.join(tmp_path / "second", tmp_path / "stranger" / "pki", postgres_url, HERE)


def test_a_second_init_on_the_database_of_a_vault_is_refused_and_names_join(first, tmp_path, postgres_url):
    with pytest.raises(errors.AlreadyExists) as refused:
        vault_main.init(tmp_path / "again", database_url=postgres_url, rest_port=0, control_port=0)
    assert "vault join" in refused.value.do


def test_of_processes_that_start_at_once_on_an_empty_database_one_makes_the_tables(postgres_url):
    problems = []

    def begin():
        try:
            migrate(postgres_url)
        except Exception as problem:
            problems.append(problem)

    starters = [threads.worker(f"start-{number}", begin) for number in range(4)]
    for starter in starters:
        starter.start()
    for starter in starters:
        starter.join(60)
    assert problems == []


def as_a_newer_release_migrates(url):
    db = database.connect(url)
    with db.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        upgrading._end_leases(connection)  # noqa: SLF001 what each migration does
    db.dispose()


def test_a_process_of_a_former_release_ends_and_says_what_to_do(several, postgres_url):
    several.open()
    as_a_newer_release_migrates(postgres_url)
    seconds = seconds_until(lambda: not any(each.is_alive for each in several.vaults.values()), 30)
    print(f"processes of the former release ended within {seconds:.1f} s")
    for name in ("vault", "second"):
        [ended] = several.events(name, "vault.ends")
        assert "A newer release has changed the vault's database" in ended["problem"]
        assert "Upgrade this vault process" in ended["do"]
    with pytest.raises(DidNotStart, match="Upgrade this vault process"):
        several.vaults["second"].start()


def _is_held(several, job_id):
    """A process that has just noticed answers 503 for a moment."""
    with contextlib.suppress(errors.StoreUnavailable):
        return several.show(job_id).state == "held"
    return False


def test_a_standby_that_lacks_what_was_acknowledged_is_noticed_and_jobs_are_held(several, postgres_url):
    several.open(("vm1",))
    slow = simulated.Fault(method="power.shut_down", nth=1, delay_seconds=8)
    simulated.dial(several.rig.home("appliance-a") / "fabric", [slow])
    job = several.start("first", Verb.PLANNED_FAILOVER, rest.PlannedFailover(machines=("vm1",)))
    eventually(lambda: any(each.started_at and each.name == "Shut down" for each in several.show(job.id).tasks), 30)  # fmt: skip  # noqa: E501
    db = database.connect(postgres_url)
    with db.begin() as connection:
        connection.execute(text("UPDATE job_engines SET expires_at = expires_at - interval '3 seconds'"))
    db.dispose()
    for name in ("vault", "second"):  # each holds what is moving when it notices
        eventually(lambda name=name: list(several.events(name, "lease.regained")), 20)
    eventually(lambda: _is_held(several, job.id), 20)
    assert list(several.events("vault", "database.went-back")) or list(
        several.events("second", "database.went-back")
    )
    eventually(lambda: several.ready("first") == several.ready("second") == 200, 20)
    with several.client("second") as vault:
        vault.jobs[job.id].resume()
    several.ended("first", job.id)
    assert several.copies("vm1") == ["b"]
