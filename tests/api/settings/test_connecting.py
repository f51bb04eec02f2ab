"""What lets somebody connect after a failover, through the API: as seen, as said, or open."""

from datetime import UTC, datetime, timedelta

import pytest

from secondsite.wire.control.statuses import SeenInside, SeenLine
from tests.support.vault import source_status

pytestmark = pytest.mark.slow
WHERE = "/api/machines/web01/connecting"


@pytest.fixture
def seen(vault, protected):
    def tell(at, system="linux", **lines):
        told = tuple(SeenLine(line=line.replace("_", "-"), holds=holds) for line, holds in lines.items())
        inside = SeenInside(system=system, at=at, lines=told)
        status = source_status(protected.id, sent_at=at, last_seq=9, inside=inside)
        with vault.store.transaction() as tx:
            tx.statuses.put_source(status, datetime.now(UTC))

    return tell


def lines(answer):
    assert answer.status_code == 200, answer.text
    return {each["line"]: each for each in answer.json()["lines"]}


def test_what_an_agent_saw_is_told_with_its_instant(vault, seen):
    at = datetime.now(UTC) - timedelta(minutes=3)
    seen(at, ssh_listens=True, ssh_at_boot=False, of_a_newer_release=True)
    found = lines(vault.rest.get(WHERE))
    assert {name: each["standing"] for name, each in found.items()} == {
        "ssh-listens": "seen", "ssh-at-boot": "wrong", "ssh-let-in": "open", "target-rules": "open",
    }  # fmt: skip
    assert datetime.fromisoformat(found["ssh-at-boot"]["at"]) == at
    assert found["ssh-at-boot"]["by"] is None


def test_a_person_does_not_confirm_the_opposite_of_what_an_agent_sees(vault, seen):
    assert lines(vault.rest.put(f"{WHERE}/ssh-let-in"))["ssh-let-in"]["standing"] == "confirmed"
    seen(datetime.now(UTC), ssh_let_in=False)
    assert lines(vault.rest.get(WHERE))["ssh-let-in"]["standing"] == "wrong"
    refused = vault.rest.put(f"{WHERE}/ssh-let-in")
    assert (refused.status_code, "looks again" in refused.json()["error"]["do"]) == (409, True)
    seen(datetime.now(UTC), ssh_let_in=True)
    assert lines(vault.rest.get(WHERE))["ssh-let-in"]["standing"] == "seen"


def test_a_line_of_another_system_is_refused_and_those_that_are_asked_are_named(vault, seen):
    seen(datetime.now(UTC), system="windows")
    refused = vault.rest.put(f"{WHERE}/ssh-at-boot")
    assert (refused.status_code, "remote-desktop" in refused.json()["error"]["do"]) == (422, True)
    assert lines(vault.rest.get(WHERE)).keys() >= {"remote-desktop", "no-pending-updates"}


@pytest.mark.usefixtures("protected")
def test_a_confirmation_is_kept_with_its_name_and_taken_back_twice_does_no_harm(vault):
    now = datetime.now(UTC)
    said = lines(vault.rest.put(f"{WHERE}/san-policy"))["san-policy"]
    assert said["by"]
    assert abs(datetime.fromisoformat(said["at"]) - now) < timedelta(minutes=1)
    for _ in range(2):
        assert lines(vault.rest.delete(f"{WHERE}/san-policy"))["san-policy"]["standing"] == "open"
    assert vault.rest.put("/api/machines/nosuch/connecting/san-policy").status_code == 404
