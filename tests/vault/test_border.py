"""One appliance in other hands says what nobody can say: the vault starts, hears the others, and every
machine can be failed over."""

import contextlib

import pytest

from rig.eventually import eventually
from secondsite.domain.counters import MOST
from secondsite.vault.store import lineage
from secondsite.wire.control import Progress, Renew, Status
from tests.support import extremes
from tests.support.vault import Dialler
from tests.vault.support_border import Border, Honest

pytestmark = pytest.mark.slow


@pytest.fixture
def border(tmp_path, request):
    border = Border(tmp_path / "vault", machines=4)
    yield border
    border.close()


def test_no_number_of_a_vault_stops_its_start(border):
    """Told on to the others, it stopped the next vault as well, that of a restored database."""
    for number in (2**31 - 1, 2**31, 2**62, MOST):
        with Dialler(border.stranger, hello=border.stranger.hello(vault_number=number)) as dialler:
            assert dialler.greeting.vault_number < 1000
    assert str(2**31 - 1) in border.disbelieved(border.stranger)
    border.start_again()
    assert border.honest.greeting.vault_number < 1000
    border.fail_over()


def test_a_vault_starts_on_a_number_that_cannot_be(border):
    for number in (2**31 - 1, MOST):
        with border.vault.store.transaction() as tx:
            lineage.put_number(tx.session, border.vault.made.settings.id, number)
        border.start_again()
        assert border.honest.greeting.vault_number >= number
    border.fail_over()


def test_who_says_more_with_each_connection_holds_jobs_once(border):
    """A person resumes them; and a failover takes more steps than an appliance takes to dial again."""
    told = border.honest.greeting.vault_number
    for more in (10, 20, 30):
        with Dialler(border.stranger, hello=border.stranger.hello(vault_number=told + more)) as dialler:
            assert dialler.greeting.vault_number <= told + 12
    assert f"the number {told + 20}" in border.disbelieved(border.stranger)


def test_a_source_cannot_raise_generations_out_of_reach(border):
    with Dialler(border.liar, Honest()) as liar:
        for number in (2**31 - 1, MOST, 2**62):
            liar.say(
                Status(generations=dict.fromkeys(border.machines, number), drill_generations={"m0": number})
            )
        eventually(lambda: "not-believed" in border.findings("m0"))
        assert "generation" in border.findings("m0")["not-believed"]
        assert border.fail_over().generation == 1


def test_a_source_that_says_one_more_again_and_again_overtakes_one_job_at_most(border):
    with Dialler(border.liar, Honest()) as liar:
        liar.say(Status(generations={"m0": 5}))
        eventually(lambda: border.generation("m0") == 5)
        liar.say(Status(generations={"m0": 7}))
        eventually(lambda: "not-believed" in border.findings("m0"))
        assert border.generation("m0") == 5
        order = border.fail_over()
        assert order.generation == 6


def test_an_appliance_that_cannot_say_all_says_what_it_can_and_that_it_did(border):
    border.honest.socket.send(
        extremes.text({"type": "status", "generations": {"m0": 2**70, "m1": 0}, "store_free_bytes": -1})
    )
    found = eventually(lambda: border.findings("m0").get("not-believed"))
    assert "'m0' generations" in found
    assert "store_free_bytes" in found


def test_a_vault_ends_while_it_rests_from_one_that_asks_too_much(border, capsys):
    with Dialler(border.stranger) as stranger:
        for _ in range(20):
            stranger.say(Renew(csr_pem="x"))
        eventually(lambda: stranger.said)
        border.vault.running.stop()
    assert "close-timed-out" not in capsys.readouterr().out


def thrown(border, said, some):
    """So many of what is said with an extreme at each place."""
    every = [
        extremes.with_value(said, path, value)
        for path in extremes.places(said)
        for value in extremes.EXTREMES
    ]
    return every[:: max(1, len(every) // some)]


def statuses(border):
    source = border.source("m0", findings=[{"code": "cycle-failed", "what": "x", "since": "2026-11-20T12:00:00Z"}], last_seq=3,  # noqa: E501
                           sync_fraction=0.5, last_cycle_seconds=1.0, last_cycle_changed_bytes=5,
                           last_cycle_wire_bytes=5)  # fmt: skip
    replica = border.replica("m0", journal=[{"begins_at": "2026-11-20T12:00:00Z", "ends_at": "2026-11-20T12:00:00Z", "cycles": 2}],  # noqa: E501
                             processed_at="2026-11-20T12:00:00Z", processed_seq=3,
                             runs=["drill"])  # fmt: skip
    return Status(sources=[source], replicas=[replica], stores=[{"name": "default", "free_bytes": 1, "size_bytes": 2}],  # noqa: E501
                  old_copies=[{"machine_id": "m0", "power": "off"}], at="2026-11-20T12:00:00Z",
                  generations={"m0": 0},
                  drill_generations={"m0": 0}, sources_gone=["m9"]).model_dump(mode="json")  # fmt: skip


def throw(border, some):
    """Everything that an appliance says, with extremes. Gives how much was said."""
    count = 0
    hello = border.liar.hello(vault_number=1).model_dump(mode="json")
    for said in thrown(border, hello, some // 20):
        border.hello(extremes.text(said))
        count += 1
    with Dialler(border.liar, Honest()) as liar:
        report = {
            "type": "report",
            "order_id": "o",
            "machine_id": "m0",
            "sentence": "",
            "facts": {"a": 1, "b": [1]},
            "problem": None,
        }
        progress = Progress(order_id="o", fraction=0.5, sentence="x").model_dump(mode="json")
        figures = {
            "machine_id": "m0",
            "epoch": 1,
            "sent_at": "2026-11-20T12:00:00Z",
            "sync_fraction": 0.1,
            "total_wire_bytes": 1,
        }
        more = {
            "type": "status",
            "source_figures": [figures],
            "replica_figures": [{"machine_id": "m0", "epoch": 1, "store_bytes": 1}],
        }
        for whole in (statuses(border), more, report, progress):
            for said in thrown(border, whole, some):
                liar.socket.send(extremes.text(said))
                count += 1
        # it is heard, or was cut off: while the vault rests from it, it does not read its pongs either
        assert liar.socket.ping(ack_on_close=True).wait(120)
    return count + ask_for_certificates(border, some)


def ask_for_certificates(border, some):
    """With extremes. Each takes so much of the vault's attention that the next is heard much later, or
    never."""
    asked = thrown(border, {"type": "renew", "csr_pem": "x"}, some)
    with Dialler(border.stranger) as stranger, contextlib.suppress(TimeoutError):
        for said in asked:
            stranger.socket.send(extremes.text(said))
    return len(asked)


def require_open(border):
    """Nobody is locked out."""
    border.require_pages()
    border.require_heard()
    border.fail_over()
    border.start_again()
    border.require_pages()
    border.require_heard()
    border.fail_over()


def test_extremes_of_all_that_an_appliance_says_lock_nobody_out(border):
    assert throw(border, 40) > 150
    require_open(border)


@pytest.mark.every
@pytest.mark.timeout(900)
@pytest.mark.postgresql
def test_all_extremes_lock_nobody_out(tmp_path, database_url):
    border = Border(tmp_path / "vault", database_url, machines=4)
    try:
        count = throw(border, 100_000)
        print(f"{count} messages")
        assert count > 3000
        require_open(border)
    finally:
        border.close()
