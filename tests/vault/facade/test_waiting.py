"""A few requests that wait for an appliance leave the others their threads."""

import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from rig.eventually import eventually
from secondsite.domain import errors
from secondsite.domain.access.roles import EVERYTHING
from secondsite.vault.facade.callers import THE_VAULT, Caller
from secondsite.vault.facade.waiting import MOST, MOST_OF_ONE, SingleFlight, WaitingRequests
from tests.support.vault import Dialler


def caller(token):
    return Caller(token, token, "", EVERYTHING)


def test_requests_that_wait_for_an_appliance_that_is_silent_are_bounded_for_each_token(vault):
    """With 40 of them, one reader's token kept the whole API from answering."""

    def discover():
        return vault.rest.get("/api/discovery").json()[0]["problem"]

    with Dialler(vault.enroll("a")) as silent, ThreadPoolExecutor(3 * MOST_OF_ONE) as pool:
        asked = [pool.submit(discover) for _ in range(3 * MOST_OF_ONE)]
        eventually(lambda: sum(each.done() for each in asked) == 2 * MOST_OF_ONE)
        assert vault.rest.get("/api/vault").status_code == 200
        assert len(silent.orders) == MOST_OF_ONE
        silent.hang_up()
        problems = [each.result()["code"] for each in asked]
    assert (
        sorted(problems) == ["appliance-unreachable"] * MOST_OF_ONE + ["deadline-exceeded"] * 2 * MOST_OF_ONE
    )


def test_all_tokens_together_are_bounded_and_the_vault_itself_is_not():
    waiting, callers = WaitingRequests(), [caller(f"t{number}") for number in range(MOST + 1)]
    entered = [waiting.one(each) for each in callers[:MOST]]
    for each in entered:
        each.__enter__()
    with pytest.raises(errors.DeadlineExceeded), waiting.one(callers[MOST]):
        pass
    with waiting.one(THE_VAULT), waiting.one(callers[0]):
        pass
    entered[0].__exit__(None, None, None)
    with waiting.one(callers[MOST]), waiting.one(callers[MOST]):
        pass


def test_who_asks_while_an_answer_is_made_shares_the_next_one_and_never_gets_an_older_one():
    flights: SingleFlight[int] = SingleFlight()
    begun = itertools.count(1)
    latest, together = [0], threading.Barrier(6)

    def make():
        latest[0] = next(begun)
        time.sleep(0.002)
        return latest[0]

    def ask(_asker):
        together.wait(20)
        for _ in range(40):
            before = latest[0]
            assert flights.give("page", make, 20) > before
        return True

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(ask, range(6)))
    assert latest[0] < 6 * 40
    assert not len(flights)


def test_what_an_answer_raises_is_raised_for_all_who_share_it_and_who_waits_too_long_is_told():
    flights: SingleFlight[int] = SingleFlight()
    may_end, begun = threading.Event(), threading.Event()

    def make():
        begun.set()
        assert may_end.wait(20)
        raise errors.StoreUnavailable("The database is away.")

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(flights.give, "page", make, 20)
        assert begun.wait(20)
        second = pool.submit(flights.give, "page", make, 20)
        eventually(lambda: len(flights) == 2)
        with pytest.raises(errors.DeadlineExceeded):
            flights.give("page", make, 0.05)
        may_end.set()
        assert [type(each.exception(20)) for each in (first, second)] == [errors.StoreUnavailable] * 2
    assert flights.give("another page", lambda: 3, 20) == 3
