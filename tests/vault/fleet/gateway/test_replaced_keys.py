"""A stolen key of an appliance at the control port: real TLS, real websockets. The thief holds a copy of
its old home."""

import contextlib
from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from websockets.exceptions import ConnectionClosed

from rig.eventually import eventually
from secondsite.domain import errors
from secondsite.jobs.storage import database
from secondsite.vault.fleet.certificate_renewal import Renewal
from secondsite.wire import control
from secondsite.wire.control.orders import Kind
from tests.support.vault import Dialler, Identity, request_for, source_status

pytestmark = pytest.mark.slow


def enrolled_with(vault, key, name="appliance", **more):
    private, csr = request_for(name)
    answer = vault.rest.post("/api/enroll", json={"key": key, "name": name, "csr_pem": csr, **more})
    assert answer.status_code == 200, answer.text
    folder = vault.home.parent / f"tls-{datetime.now(UTC).timestamp()}"
    return Identity(folder, answer.json(), private)


def replacement_key(vault, identity, **body):
    made = vault.rest.post(f"/api/appliances/{identity.id}/registration-key", json=body)
    assert made.status_code == 201, made.text
    assert made.json()["replaces"] == identity.id
    return made.json()["key"]


def replace(vault, identity):
    return enrolled_with(vault, replacement_key(vault, identity))


def test_a_replacement_has_the_same_id_and_the_stolen_key_is_refused_from_then_on(vault):
    stolen = vault.enroll("a")
    with Dialler(stolen) as thief:
        assert isinstance(thief.greeting, control.Welcome)
    new = replace(vault, stolen)
    assert new.id == stolen.id
    assert [each.id for each in vault.facade.appliances.list()] == [stolen.id]
    with Dialler(stolen) as thief:
        assert thief.greeting.problem.code == "certificate-refused"
        assert "--replace" in thief.greeting.problem.do
    with Dialler(new) as dialler:
        assert isinstance(dialler.greeting, control.Welcome)


def test_the_thiefs_open_connection_ends_and_nothing_that_it_says_is_heard(vault):
    stolen = vault.enroll("a")
    with Dialler(stolen) as thief:
        eventually(lambda: vault.facade.appliances.show(stolen.id).connected)
        replace(vault, stolen)
        with contextlib.suppress(ConnectionClosed):
            for _ in range(100):
                thief.say(control.Status(sources=(source_status("m1", epoch=9),)))
        eventually(lambda: thief.ended, 5)
    with vault.store.reading() as tx:
        assert vault.running.facts.latest(tx, "m1").source is None


def test_a_connection_that_was_greeted_while_its_key_was_replaced_does_not_come_in(vault):
    stolen = vault.enroll("a")
    greeting = vault.running.control._greeting  # noqa: SLF001 the instant between the look and the entry
    done: list[Identity] = []
    hear = greeting._hear_number  # noqa: SLF001

    def replaced_meanwhile(appliance_id, number):
        hear(appliance_id, number)
        if not done:
            done.append(replace(vault, stolen))

    greeting._hear_number = replaced_meanwhile  # noqa: SLF001
    with Dialler(stolen) as thief:
        assert thief.greeting.problem.code == "certificate-refused"
    eventually(lambda: not vault.running.control.is_connected(stolen.id))


def test_the_present_key_can_be_refused_at_once_before_there_is_a_replacement(vault):
    stolen = vault.enroll("a")
    with Dialler(stolen) as thief:
        eventually(lambda: vault.running.control.is_connected(stolen.id))
        key = replacement_key(vault, stolen, refuse_now=True)
        eventually(lambda: thief.ended, 5)
    with Dialler(stolen) as thief:
        assert thief.greeting.problem.code == "certificate-refused"
    with Dialler(enrolled_with(vault, key)) as dialler:
        assert isinstance(dialler.greeting, control.Welcome)


def test_a_thief_cannot_renew_to_a_key_of_his_own(vault):
    """He would keep a certificate that no replacement of the stolen key takes away."""
    stolen = vault.enroll("a")
    renew = Renewal(vault.store, vault.running.authority, lambda: datetime.now(UTC))
    _own_key, csr = request_for("thief")
    with pytest.raises(errors.CertificateRefused, match="key"):
        renew(stolen.id, csr)
    with Dialler(stolen) as thief:
        thief.say(control.Renew(csr_pem=csr))
        [refused] = eventually(lambda: [each for each in thief.said if isinstance(each, control.RenewAnswer)])
        assert refused.certificate_pem == ""
        assert refused.problem is not None
        assert refused.problem.code == "certificate-refused"


def test_an_appliance_of_an_earlier_release_keeps_the_key_that_it_is_first_seen_with(vault):
    identity = vault.enroll("a")
    engine = database.connect(vault.made.settings.database_url)
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM appliance_keys"))
    engine.dispose()
    with Dialler(identity) as dialler:
        assert isinstance(dialler.greeting, control.Welcome)
    # a second certificate for the same id, as an earlier release renewed it to any key
    private, csr = request_for("other")
    pem, _ends = vault.running.authority.issue_appliance(csr, identity.id, datetime.now(UTC))
    answer = {"appliance_id": identity.id, "site": "a", "control_url": identity.url,
              "ca_pem": identity.ca.read_text(), "certificate_pem": pem}  # fmt: skip
    with Dialler(Identity(vault.home.parent / "other", answer, private)) as thief:
        assert thief.greeting.problem.code == "certificate-refused"


def test_the_other_appliances_are_told_the_new_key_within_seconds(vault):
    stolen, peer = vault.enroll("a"), vault.enroll("b")
    taken = {Kind.SET_SITE: lambda _order: {"sentence": "ok"}}
    with Dialler(peer, taken) as dialler:
        first = eventually(lambda: told_keys(dialler))[-1]
        assert set(first) == {stolen.id, peer.id}
        replace(vault, stolen)
        eventually(lambda: told_keys(dialler)[-1][stolen.id] != first[stolen.id], 5)
        assert told_keys(dialler)[-1][peer.id] == first[peer.id]


def told_keys(dialler):
    return [order.payload["keys"] for order in list(dialler.told) if order.kind == Kind.SET_SITE]


def test_a_key_for_a_new_appliance_does_not_replace_one_and_stays_usable(vault):
    identity = vault.enroll("a")
    key = vault.rest.post("/api/sites/a/registration-key").json()["key"]
    body = {"key": key, "name": "a", "csr_pem": request_for("a")[1], "appliance_id": identity.id}
    refused = vault.rest.post("/api/enroll", json=body)
    assert refused.status_code == 403
    assert "--replace" in refused.json()["error"]["do"]
    assert enrolled_with(vault, key).id != identity.id


def test_the_key_of_an_appliance_that_was_deleted_meanwhile_enrolls_nothing(vault):
    identity = vault.enroll("a")
    key = replacement_key(vault, identity)
    vault.facade.appliances.delete(identity.id)
    body = {"key": key, "name": "a", "csr_pem": request_for("a")[1]}
    refused = vault.rest.post("/api/enroll", json=body)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "registration-refused")
    assert vault.facade.appliances.list() == []


def test_the_audit_log_shows_who_had_an_appliance_replaced(vault):
    identity = vault.enroll("a")
    replace(vault, identity)
    entries = vault.rest.get("/api/audit").json()["items"]
    about = [each for each in entries if identity.id in str(each)]
    verbs = {each["verb"] for each in about}
    assert len(verbs) >= 2, verbs
