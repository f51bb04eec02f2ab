"""Requests that wait for a second person are told with what needs somebody now."""

from tests.api.approvals.support_persons import FAILOVER


def test_a_request_is_told_as_soon_as_it_was_asked_until_it_is_withdrawn(ask, anna, bob, guarded):
    def waiting(who):
        return [each["number"] for each in who("GET", "/overview")["approvals"]]

    assert waiting(ask) == waiting(anna) == []
    number = anna.waits("POST", "/machines/failover", json=FAILOVER)
    assert waiting(bob) == waiting(ask) == waiting(anna) == [number]
    anna("POST", f"/approvals/{number}/withdraw")
    assert waiting(anna) == waiting(bob) == []
