"""One stream tells a browser everything that changes, in rows, and goes on where it broke off."""

import pytest

from tests.api.support_stream import served, stream

pytestmark = pytest.mark.slow


@pytest.fixture
def follow(vault):
    """The live stream; gives a context manager."""
    with served(vault.app) as url:
        yield lambda token=None, **how: stream(url, token or vault.made.token, "/live", **how)


def rows(event):
    return [each[1] for each in event.data["machines"]]


def test_a_stream_begins_with_everything_then_tells_what_changes(vault, ask, protected, follow):
    with follow() as events:
        first = next(events)
        assert (first.name, rows(first), first.data["mark"]) == ("whole", ["web01"], first.id)
        assert first.data["machine_columns"][1] == "name"
        assert first.data["job_columns"][0] == "id"
        job = ask("POST", "/machines/web01/points/p1/verify", 202)["job_id"]
        told = next(each for each in events if each.data.get("jobs"))
        assert told.name == "changes"
        assert [each[0] for each in told.data["jobs"]] == [job]
        ask("POST", "/policies", 201, json={"name": "other"})
        told = next(each for each in events if each.data.get("things"))
        assert {"kind": "policies", "id": None} in told.data["things"]
        ask("PUT", "/machines/web01/policy", json={"policy": "other"})
        told = next(each for each in events if each.data.get("machines"))
        assert told.data["machines"][0][first.data["machine_columns"].index("policy")] == "other"
