"""A few requests that wait for an appliance leave the others their threads."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from rig.eventually import eventually
from secondsite.domain import errors
from secondsite.domain.access.roles import EVERYTHING
from secondsite.vault.facade.callers import THE_VAULT, Caller
from secondsite.vault.facade.waiting import MOST, MOST_OF_ONE, WaitingRequests
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
