"""Who counts as a second person, and that one alone finds no way round."""

import dataclasses
from typing import Any

import pytest

from tests.api.approvals.support_persons import FAILOVER, Person, jobs

pytestmark = pytest.mark.always

# ---- who is a second person
# ------------------------------------------------------------------------------------------


def test_the_asker_grants_nothing_of_his_own(anna, guarded):
    number = anna.waits("POST", "/machines/failover", json=FAILOVER)
    assert anna.grant(number, 403)["error"]["code"] == "forbidden"
    assert anna.show(number)["stage"] == "asked"


@pytest.mark.parametrize("spelled", ["anna", "Anna", "ANNA"])
def test_another_token_of_the_same_person_does_not_count(anna, person, guarded_later, spelled):
    laptop = person("laptop", person=spelled)
    guarded_later()
    number = anna.waits("POST", "/machines/failover", json=FAILOVER)
    assert "anna" in laptop.grant(number, 403)["error"]["message"].casefold()
    mine = laptop.waits("POST", "/machines/failover", json=FAILOVER)
    anna.grant(mine, 403)


def test_neither_a_token_that_the_asker_made_counts_nor_its_maker(vault, person, guarded_later):
    both = ("contributor", "access_administrator")
    maker = person("maker", *both)
    made = maker("POST", "/tokens", 201, json={"name": "puppet", "roles": ["contributor"]})["token"]
    puppet = Person(vault.rest, made)
    guarded_later()
    number = maker.waits("POST", "/sites", json={"name": "c"})
    assert "made by maker" in puppet.grant(number, 403)["error"]["message"]
    number = puppet.waits("POST", "/sites", json={"name": "c"})
    assert "made by maker" in maker.grant(number, 403)["error"]["message"]


def test_whoever_rotated_a_token_knows_its_secret_and_does_not_count(vault, person, bob, guarded_later):
    maker = person("maker", "contributor", "access_administrator")
    stolen = Person(vault.rest, maker("POST", "/tokens/bob/rotate")["token"])
    guarded_later()
    number = maker.waits("POST", "/sites", json={"name": "c"})
    stolen.grant(number, 403)


def test_the_second_persons_role_and_scope_allow_the_same(anna, bob, chiefs, person, guarded_later):
    reader, operator = person("reader", "reader"), person("operator", "operator")
    elsewhere = person("elsewhere", "contributor", site="a")
    guarded_later()
    number = anna.waits("POST", "/machines/web01/disable-protection")
    for who, wanted in ((reader, 403), (operator, 403), (chiefs[0], 403), (elsewhere, 404)):
        who.grant(number, wanted)
        who("POST", f"/approvals/{number}/refuse", wanted)
    assert bob.grant(number)["stage"] == "done"


def test_tokens_of_one_site_grant_what_tokens_of_that_site_asked_and_see_no_more(
    ask, person, bob, guarded_later
):
    ask("POST", "/sites", 201, json={"name": "c"})
    one, other = (person(name, "operator", site="a") for name in ("one", "other"))
    outside = person("outside", "contributor", site="c")
    guarded_later()
    whole = bob.waits("POST", "/machines/failover", json=FAILOVER)
    number = one.waits("POST", "/machines/failover", json=FAILOVER)
    assert [each["number"] for each in other("GET", "/approvals")["items"]] == [number]
    assert [each["number"] for each in bob("GET", "/approvals")["items"]] == [number, whole]
    assert outside("GET", "/approvals")["items"] == []
    outside("GET", f"/approvals/{number}", 404)
    outside.grant(number, 404)
    other.grant(whole, 404)
    assert other.grant(number)["stage"] == "done"


def test_a_form_without_a_site_is_granted_by_one_who_may_give_up(anna, bob, person, require, protected):
    operator = person("operator", "operator")
    require("commit")
    anna("POST", "/machines/web01/commit", 409, json={"without_site": "a"})
    operator("POST", "/machines/web01/commit", 403, json={"without_site": "a"})


@pytest.mark.parametrize("how", ["removed", "rotated", "expired"])
def test_a_token_that_was_removed_or_replaced_or_has_expired_meanwhile_gets_nothing(
    vault, ask, anna, bob, guarded, chiefs, how
):
    number = anna.waits("POST", "/machines/failover", json=FAILOVER)
    if how == "removed":
        ask("DELETE", "/tokens/anna", 204)
    elif how == "expired":
        with vault.store.transaction() as tx:
            token = next(each for each in tx.tokens.list() if each.name == "anna")
            tx.tokens.put(dataclasses.replace(token, expires_at=token.created_at))
    else:
        again = chiefs[0].waits("POST", "/tokens/anna/rotate")
        assert chiefs[1].grant(again)["stage"] == "granted"
        chiefs[0]("POST", "/tokens/anna/rotate")
    assert "'anna'" in bob.grant(number, 409)["error"]["message"]
    assert jobs(ask) == []


# ---- no way round
# ----------------------------------------------------------------------------------------------------


def test_one_person_alone_neither_lowers_the_setting_nor_makes_himself_another_token(vault, chiefs, guarded):
    thief, deputy = chiefs
    lower: list[dict[str, Any]] = [
        {"verbs": []},
        {"verbs": ["failover"]},
        {"verbs": ["failover"], "lasts_seconds": 300},
    ]
    for body in lower:
        thief.waits("PUT", "/approvals/settings", json=body)
    off = thief.waits("PUT", "/approvals/settings", json={"verbs": []})
    thief.grant(off, 403)
    thief.waits("POST", "/tokens", json={"name": "mule", "roles": ["contributor"]})
    thief.waits("POST", "/tokens/bob/rotate")
    assert vault.facade.approvals.settings().verbs == ("disable_protection", "failover")
    assert deputy.grant(off)["stage"] == "done"
    assert vault.facade.approvals.settings().verbs == ()


def test_a_secret_is_shown_to_whoever_asked_and_to_nobody_else(ask, anna, chiefs, guarded, vault):
    chief, deputy = chiefs
    body: dict[str, Any] = {"name": "carl", "roles": ["operator"]}
    number = chief.waits("POST", "/tokens", json=body)
    granted = deputy.grant(number)
    assert (granted["stage"], "token" in granted) == ("granted", False)
    assert "carl" not in [each["name"] for each in ask("GET", "/tokens")]
    made = chief("POST", "/tokens", 201, json=body)
    Person(vault.rest, made["token"])("GET", "/machines")
    assert (chief.show(number)["stage"], chief.show(number)["by"]) == ("done", "deputy")
    chief.waits("POST", "/tokens", json={**body, "name": "dora"})


def test_a_grant_of_a_token_that_was_deleted_meanwhile_counts_no_more(ask, chiefs, guarded):
    chief, deputy = chiefs
    body: dict[str, Any] = {"name": "carl", "roles": ["operator"]}
    deputy.grant(chief.waits("POST", "/tokens", json=body))
    ask("DELETE", "/tokens/deputy", 204)
    assert "deputy" in chief("POST", "/tokens", 409, json=body)["error"]["message"]
