"""What one of several vault processes holds counts as long as its lease does, and no longer."""

import contextlib
import threading
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from sqlalchemy import event, func, select, text, update

from rig.eventually import eventually
from secondsite.domain import errors
from secondsite.ground import threads
from secondsite.jobs.storage import database as opening
from secondsite.jobs.storage.lease import Member
from secondsite.jobs.storage.tables import engines
from secondsite.vault.fleet.gateway.order_delivery import OrderDelivery
from secondsite.vault.fleet.gateway.other_processes import Desk, OtherProcesses
from secondsite.vault.store import ApplianceRecord, RelayedOrder, SiteRecord, Store, migrate
from secondsite.vault.store.processes import heard
from secondsite.wire.control import Order, Progress, Report
from tests.support.vault import NOW

pytestmark = [pytest.mark.slow, pytest.mark.postgresql]

ONE, OTHER = Member("vault-1", 3), Member("vault-2", 1)


@pytest.fixture
def db(postgres_url):
    migrate(postgres_url)
    db = opening.connect(postgres_url)
    yield db
    db.dispose()


@pytest.fixture
def stores(db):
    """Those of two living processes, with an appliance."""
    with db.begin() as connection:
        until = connection.execute(select(func.clock_timestamp())).scalar_one() + timedelta(minutes=1)
        for member in (ONE, OTHER):
            row = {"owner": member.owner, "epoch": member.epoch, "started_at": until, "expires_at": until}
            connection.execute(engines.insert().values(**row))
    with Store(db).transaction() as tx:
        tx.sites.add(SiteRecord("a", NOW))
        tx.appliances.put(ApplianceRecord("ap", "ap", "a", NOW, NOW))
    return Store(db, lambda: ONE), Store(db, lambda: OTHER)


def end_lease(db, member):
    over = {"expires_at": func.clock_timestamp() - timedelta(seconds=1)}
    with db.begin() as connection:
        connection.execute(update(engines).where(engines.c.owner == member.owner).values(**over))


def passed(order_id="o1"):
    return RelayedOrder(order_id, "ap", Order(order_id=order_id, kind="discover", generation=7))


def test_without_its_lease_a_process_writes_nothing(stores, db):
    one, _ = stores
    end_lease(db, ONE)
    with pytest.raises(errors.StoreUnavailable, match="no lease"), one.transaction() as tx:
        tx.sites.add(SiteRecord("b", NOW))
    with one.reading() as tx:
        assert [each.name for each in tx.sites.list()] == ["a"]


def test_under_a_former_epoch_a_process_writes_nothing(stores, db):
    zombie = Store(db, lambda: Member(ONE.owner, ONE.epoch - 1))
    with pytest.raises(errors.StoreUnavailable), zombie.transaction():
        pass


def test_the_newest_connection_of_an_appliance_counts(stores):
    one, other = stores
    with one.transaction() as tx:
        tx.links.take("ap")
        assert tx.links.holds("ap")
    with other.transaction() as tx:
        assert dict(tx.links.elsewhere()) == {"ap": ONE.owner}
        tx.links.take("ap")
    with one.transaction() as tx:
        assert not tx.links.holds("ap")
        assert not tx.links.drop("ap"), "the end of the older connection is no end of the newer one"
        assert dict(tx.links.elsewhere()) == {"ap": OTHER.owner}


def test_while_a_status_is_written_the_appliance_goes_to_no_other_process(stores):
    one, other = stores
    taken = threading.Event()

    def take():
        with other.transaction() as tx:
            tx.links.take("ap")
        taken.set()

    with one.transaction() as tx:
        tx.links.take("ap")
    with one.transaction() as tx:
        assert tx.links.holds("ap")
        thread = threads.worker("take", take)
        thread.start()
        assert not taken.wait(0.3)
    assert taken.wait(10)
    thread.join(10)


def test_what_a_dead_process_held_is_free(stores, db):
    one, other = stores
    with one.transaction() as tx:
        tx.links.take("ap")
    end_lease(db, ONE)
    with other.transaction() as tx:
        assert dict(tx.links.elsewhere()) == {}
        assert not tx.links.any_living("ap")
        assert list(tx.links.drop_dead()) == ["ap"]


def test_a_connection_that_is_taken_over_while_the_dead_ones_go_stays(stores, db):
    """PostgreSQL joined the row that was taken over to what it had found for the former one: the appliance
    was connected, and shown as not connected for up to half a minute."""
    one, other = stores
    with one.transaction() as tx:
        tx.links.take("ap")
    end_lease(db, ONE)
    dropped = []

    def drop_dead():
        with other.transaction() as tx:
            dropped.append(list(tx.links.drop_dead()))

    thread = threads.worker("drop-dead", drop_dead)
    with other.transaction() as tx:
        tx.links.take("ap")
        thread.start()
        eventually(lambda: waits_for_a_lock(db), 10)
    thread.join(10)
    assert dropped == [[]]
    with other.transaction() as tx:
        assert tx.links.holds("ap")


def waits_for_a_lock(db):
    with db.connect() as connection:
        return connection.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar_one()


def test_an_order_is_passed_on_once_and_its_report_comes_back_once(stores):
    one, other = stores
    with one.transaction() as tx:
        tx.passed_orders.ask([passed()])
    with other.transaction() as tx:
        assert [each.order.generation for each in tx.passed_orders.take(["ap"], 30)] == [7]
        assert list(tx.passed_orders.take(["ap"], 30)) == []
        tx.passed_orders.progressed("o1", 0.5, "half")
    with one.transaction() as tx:
        assert [(each.fraction, each.report) for each in tx.passed_orders.news()] == [(0.5, None)]
        assert list(tx.passed_orders.news()) == []
    with other.transaction() as tx:
        tx.passed_orders.reported(Report(order_id="o1", sentence="done"))
    with one.transaction() as tx:
        [news] = tx.passed_orders.news()
        assert news.report == Report(order_id="o1", sentence="done")
        assert list(tx.passed_orders.news()) == []


def test_an_order_that_nobody_asks_for_any_more_is_not_given(stores):
    one, other = stores
    with one.transaction() as tx:
        tx.passed_orders.ask([passed()])
        tx.session.execute(text("UPDATE passed_orders SET asked_at = asked_at - interval '1 minute'"))
    with other.transaction() as tx:
        assert list(tx.passed_orders.take(["ap"], 30)) == []
    with one.transaction() as tx:
        tx.passed_orders.ask([passed()])
    with other.transaction() as tx:
        assert [each.order_id for each in tx.passed_orders.take(["ap"], 30)] == ["o1"]


def test_an_order_is_given_again_by_a_process_that_has_joined_again(stores, db):
    one, other = stores
    with one.transaction() as tx:
        tx.passed_orders.ask([passed()])
    with other.transaction() as tx:
        assert tx.passed_orders.take(["ap"], 30)
    later = Member(OTHER.owner, OTHER.epoch + 1)
    with db.begin() as connection:
        connection.execute(update(engines).where(engines.c.owner == later.owner).values(epoch=later.epoch))
    with Store(db, lambda: later).transaction() as tx:
        assert tx.passed_orders.take(["ap"], 30)


def test_an_order_that_was_taken_is_given_although_the_reply_to_the_commit_was_lost(stores):
    one, other = stores
    given, lost = [], iter([True])

    @contextlib.contextmanager
    def transaction():
        with other.transaction() as tx:
            yield tx
        if next(lost, False):
            raise errors.StoreUnavailable("The connection broke.", do="Look again.")

    others = OtherProcesses(
        cast(Store, SimpleNamespace(transaction=transaction)), lambda _key: None, lambda _tx, _ids: None
    )
    nothing = {"reported": lambda *_: None, "progressed": lambda *_: None}
    desk = Desk(held_here=lambda: ["ap"], give=lambda _id, order: given.append(order.order_id), **nothing)
    others.serve(desk, lambda _id: None)
    with one.transaction() as tx:
        tx.passed_orders.ask([passed()])
    with pytest.raises(errors.StoreUnavailable):
        others.look()
    for _ in range(2):
        others.look()
        assert given == ["o1"]


class Process:
    """A process that gives orders, its own and those of others; `linked` appliances are connected to it."""

    def __init__(self, store, *linked):
        self.sent: list[str] = []
        self.seconds = 1000.0
        line: Any = SimpleNamespace(send=lambda order: self.sent.append(order.order_id))
        tell: Any = lambda _key: None  # noqa: E731
        self.others = OtherProcesses(store, lambda _key: None, lambda _tx, _ids: None, lambda: self.seconds)
        self.giving = OrderDelivery(dict.fromkeys(linked, line), tell, self.others, lambda: self.seconds)
        self.others.serve(self.giving.serve(), lambda _id: None)


@pytest.fixture
def asker(stores):
    return Process(stores[0])


@pytest.fixture
def holder(stores):
    take(stores[1])
    return Process(stores[1], "ap")


def asked_and_passed_on(asker, holder, after_seconds):
    """The step asks again."""
    for each in (asker, holder):
        each.seconds += after_seconds
    report = asker.giving.ask("ap", passed().order)
    for each in (asker, holder, asker):
        each.others.look()
    holder.giving.drop_forgotten()
    return report


def test_an_order_may_take_as_long_as_it_takes_in_another_process_too(asker, holder):
    """Its step asks again and again, but the process that had given it did not hear of that: after five
    minutes it took the order for abandoned, and its report for one that nobody waits for."""
    asker.others.look()
    for _ in range(20):
        assert asked_and_passed_on(asker, holder, 200) is None
    assert holder.sent == ["o1"], "it is under way, and not given again"
    holder.giving.progressed("ap", Progress(order_id="o1", fraction=0.5, sentence="half"))
    asked_and_passed_on(asker, holder, 200)
    assert asker.giving.progress("o1") == (0.5, "half")
    holder.giving.reported("ap", Report(order_id="o1", sentence="done"))
    asked_and_passed_on(asker, holder, 200)
    assert asked_and_passed_on(asker, holder, 1) == Report(order_id="o1", sentence="done")


def test_a_report_that_comes_while_news_are_read_is_the_next_news(stores, db):
    one, other = stores
    with one.transaction() as tx:
        tx.passed_orders.ask([passed()])
    with other.transaction() as tx:
        tx.passed_orders.take(["ap"], 30)
        tx.passed_orders.progressed("o1", 0.5, "half")
    reports = iter([Report(order_id="o1", sentence="done")])

    def report(connection, _cursor, statement, *_rest):
        if statement.startswith("DELETE FROM passed_orders") and connection.engine is db:
            for each in reports:
                with other.transaction() as tx:
                    tx.passed_orders.reported(each)

    event.listen(db, "after_cursor_execute", report)
    with one.transaction() as tx:
        found = list(tx.passed_orders.news())
    event.remove(db, "after_cursor_execute", report)
    assert [each.report for each in found] in ([], [None])
    with one.transaction() as tx:
        assert [each.report for each in tx.passed_orders.news()] == [
            Report(order_id="o1", sentence="done")
        ], "else it stays as a row that is no news, and whoever asks for the order again hears nothing"
        assert list(tx.passed_orders.news()) == []


class Holder:
    """A process that looks at its connections; no word of another one reaches it."""

    def __init__(self, store):
        self.seconds, self.here = 1000.0, ["ap"]
        self.hung_up: list[str] = []
        self.dropped: list[str] = []
        self._others = OtherProcesses(
            store, lambda _key: None, lambda _tx, gone: self.dropped.extend(gone), lambda: self.seconds
        )
        nothing = {"give": lambda *_: None, "reported": lambda *_: None, "progressed": lambda *_: None}
        self._others.serve(Desk(held_here=lambda: self.here, **nothing), self.hung_up.append)

    def look(self, after_seconds=0.0):
        self.seconds += after_seconds
        self._others.look()


def take(store):
    with store.transaction() as tx:
        tx.links.take("ap")


def test_a_connection_that_was_revoked_elsewhere_is_ended_although_the_word_of_it_was_lost(stores):
    one, other = stores
    take(one)
    holder = Holder(one)
    holder.look()
    with other.transaction() as tx:
        tx.links.revoke("ap")
    with one.transaction() as tx:
        assert not tx.links.holds("ap"), "what it says is not written from now on"
    holder.look(1000)
    holder.look(29)
    assert holder.hung_up == []
    holder.look(1)
    assert (holder.hung_up, holder.dropped) == (["ap"], [])


def test_a_connection_that_is_recorded_late_stays(stores):
    one, _ = stores
    holder = Holder(one)
    holder.look()
    holder.look(29)
    take(one)
    holder.look(10)
    holder.look(1000)
    assert (holder.hung_up, holder.dropped) == ([], [])


def test_a_connection_whose_end_could_not_be_written_down_is_no_connection_for_ever(stores):
    one, other = stores
    take(one)
    holder = Holder(one)
    holder.here = []
    holder.look()
    with other.transaction() as tx:
        assert dict(tx.links.elsewhere()) == {"ap": ONE.owner}
    holder.look(30)
    assert holder.dropped == ["ap"]
    with other.transaction() as tx:
        assert dict(tx.links.elsewhere()) == {}


def test_a_connection_that_another_process_has_by_now_is_left_to_it(stores):
    one, other = stores
    take(one)
    holder = Holder(one)
    holder.here = []
    holder.look()
    take(other)
    holder.look(1000)
    assert holder.dropped == []
    with one.transaction() as tx:
        assert dict(tx.links.elsewhere()) == {"ap": OTHER.owner}


def test_nobody_hears_his_own_words():
    assert heard("vault-1 machine/m1", ONE) is None
    assert heard("vault-2 machine/m1", ONE) == "machine/m1"


def test_a_transaction_that_stands_still_holds_no_lock_for_long(stores, db):
    """As of a process that was stopped, or whose host is cut off."""
    one, other = stores
    with pytest.raises(errors.StoreUnavailable), one.transaction() as tx:
        tx.links.take("ap")
        with other.transaction() as others:
            others.links.take("ap")
        tx.links.holds("ap")


def test_a_report_that_the_database_refuses_holds_up_no_other(asker, holder):
    """NaN in one was put back for ever, and no order of another process reached any appliance there."""
    asker.others.look()
    for each in ("o1", "o2"):
        asker.giving.ask("ap", passed(each).order)
    asker.others.look()
    holder.others.look()
    assert holder.sent == ["o1", "o2"]
    odd = Report.model_construct(
        type="report",
        order_id="o1",
        machine_id=None,
        sentence="",
        facts={"seconds": float("nan")},
        problem=None,
    )
    holder.others.reported(odd)
    holder.others.reported(Report(order_id="o2", sentence="well"))
    with pytest.raises(errors.SecondsiteError):
        holder.others.look()
    holder.others.look()
    asker.others.look()
    first, second = (asker.giving.ask("ap", passed(each).order) for each in ("o1", "o2"))
    assert first.problem.code == "invalid-argument"
    assert second.sentence == "well"
