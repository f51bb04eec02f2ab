"""People log in by way of a provider of OpenID Connect, whose groups say what they may do."""

import json
from datetime import timedelta

import pytest

from secondsite.entry.login_link import login_link
from tests.api.login.support_providers import authority, browser, create, provider, staff
from tests.support.login.browsers import GROUPS
from tests.support.openid_provider import openid

__all__ = ["authority", "browser", "create", "provider", "staff"]


def code_of(answer):
    return answer["error"]["code"]


def test_a_certified_provider_lets_people_in_with_the_roles_of_their_groups(create, browser, ask, authority):
    with openid.certified(authority, "https://testserver/console/enter/staff") as issuer:
        create("staff", issuer)
        assert ask("POST", "/log-in/providers/staff/test")["works"]
        anna, person = browser(), openid.Person(authority)
        shown = anna.finish(person.log_in(anna.begin()["address"], "anna+other+dr-operators"))
        person.close()
    assert (shown["name"], shown["roles"], shown["provider"]) == ("anna", ["operator"], "staff")
    assert anna("GET", "/session")["is_person"]
    assert [each["way"] for each in anna("GET", "/sessions")] == ["provider"]


def test_the_first_group_of_the_provider_that_somebody_is_in_decides(staff, browser, ask):
    staff.groups = ["dr-paris", "dr-admins"]
    assert browser().enter(staff)["roles"] == ["contributor", "access_administrator"]
    staff.groups = ["dr-paris"]
    shown = browser().enter(staff)
    assert (shown["roles"], shown["site"]) == (["reader", "operator"], "paris")


def settings(ask, **changed):
    shown = ask("GET", "/log-in/providers/staff")
    kept = ("issuer", "client_id", "groups", "scopes", "groups_claim", "name_claim", "ca_pem")
    return {**{key: shown[key] for key in kept}, **changed}


def test_other_groups_at_the_next_log_in_are_other_roles_and_end_the_sessions_of_before(staff, browser):
    before = browser()
    before.enter(staff)
    staff.groups = ["dr-admins"]
    after = browser()
    assert "access_administrator" in after.enter(staff)["roles"]
    before("GET", "/session", 401)


def test_whoever_left_all_groups_is_let_in_no_more_and_is_out_where_they_were(staff, browser, ask):
    anna = browser()
    anna.enter(staff)
    staff.groups = ["others"]
    assert code_of(browser().enter(staff, 403)) == "forbidden"
    anna("GET", "/session", 401)
    assert ask("GET", "/people/anna")["roles"] == []


@pytest.mark.parametrize(
    "said", [None, [], "others", [["dr-admins"]], {"dr-admins": 1}, ["DR-ADMINS"], "x" * 5000]
)
def test_groups_that_are_none_or_odd_let_nobody_in(staff, browser, said):
    staff.claims = {"groups": said}
    assert code_of(browser().enter(staff, 403)) == "forbidden"


def test_groups_may_lie_within_another_claim_and_be_one_text(staff, browser, ask):
    ask("PUT", "/log-in/providers/staff", json=settings(ask, groups_claim="realm_access.roles"))
    staff.claims = {"realm_access": {"roles": "dr-operators"}}
    assert browser().enter(staff)["roles"] == ["operator"]


def test_a_person_of_a_provider_is_nobody_who_is_here_already(staff, browser, ask, person):
    ask("POST", "/tokens", 201, json={"name": "robot", "roles": ["reader"], "person": "Berta"})
    person("Olga")
    for name in ("admin", "ADMIN", "olga", "robot", "berta"):
        assert code_of(browser().enter(staff, 409, subject=name, name=name)) == "already-exists"


def test_a_name_that_cannot_be_one_here_gives_way_to_the_id_at_the_provider(staff, browser):
    assert browser().enter(staff, name="Jürgen <b>", subject="s-77")["name"] == "s-77"


def test_two_of_one_name_at_two_providers_are_two(staff, create, browser, authority):
    other = openid.Scripted(authority)
    try:
        create("guests", other.issuer)
        browser().enter(staff)
        assert code_of(browser().enter(other, 409, "guests")) == "already-exists"
    finally:
        other.close()


def test_what_a_provider_says_is_changed_at_the_provider(staff, browser, ask):
    anna = browser()
    anna.enter(staff)
    assert code_of(ask("PUT", "/people/anna", 409, json={"roles": ["contributor"]})) == "not-possible-now"
    assert code_of(ask("POST", "/people/anna/reset-password", 409)) == "not-possible-now"
    body = {"password": "four horses in the rain"}
    assert code_of(anna("PUT", "/session/password", 409, json=body)) == "not-possible-now"
    assert code_of(anna("POST", "/session/second-factor", 409, json={})) == "not-possible-now"


def test_a_person_who_is_disabled_here_does_not_come_in_by_the_provider(staff, browser, ask):
    anna = browser()
    anna.enter(staff)
    ask("PUT", "/people/anna/disabled")
    anna("GET", "/session", 401)
    assert code_of(browser().enter(staff, 403)) == "forbidden"
    ask("DELETE", "/people/anna/disabled")
    browser().enter(staff)


def test_a_change_of_the_provider_ends_the_sessions_of_whoever_came_from_it(staff, browser, ask):
    anna = browser()
    anna.enter(staff)
    ask("PUT", "/log-in/providers/staff", json=settings(ask, groups=[]))
    anna("GET", "/session", 401)
    assert code_of(browser().enter(staff, 403)) == "forbidden"


def test_a_provider_that_is_deleted_takes_its_people_along(staff, browser, ask):
    anna = browser()
    anna.enter(staff)
    ask("DELETE", "/log-in/providers/staff", 204)
    anna("GET", "/session", 401)
    assert ask("GET", "/people") == []
    assert code_of(browser().begin(wanted=404)) == "not-found"


def test_the_secret_is_shown_to_nobody(staff, browser, ask, vault):
    browser().enter(staff)
    seen = str([ask("GET", "/log-in/providers"), ask("GET", "/audit"), ask("GET", "/log-in")])
    assert openid.SECRET not in seen
    assert "staff" in seen


def test_changes_and_log_ins_are_on_the_audit_log(staff, browser, ask):
    browser().enter(staff)
    found = [(each["verb"], each["who"]) for each in ask("GET", "/audit")["items"]]
    assert ("POST /log-in/providers", "admin") in found
    assert ("POST /log-in/finish", "anna") in found
    [came] = [each for each in ask("GET", "/audit")["items"] if each["verb"] == "POST /log-in/finish"]
    assert json.loads(came["details"])["after"]["roles"] == ["operator"]


def test_nobody_is_deleted_who_has_tokens(staff, browser, ask):
    """Who came back under another name was a second person for what the former one had asked for."""
    browser().enter(staff)
    ask("POST", "/tokens", 201, json={"name": "annas", "roles": ["reader"], "person": "anna"})
    for path in ("/people/anna", "/log-in/providers/staff"):
        assert code_of(ask("DELETE", path, 409)) == "not-possible-now"
    ask("DELETE", "/tokens/annas", 204)
    ask("DELETE", "/people/anna", 204)


def test_spelling_makes_no_other_person(staff, browser, ask):
    ask("POST", "/people", 201, json={"name": "anna b", "roles": ["reader"]})
    for name in ("Anna B", "anna  b"):
        assert code_of(browser().enter(staff, 409, name=name)) == "already-exists"


def test_a_command_line_ends_with_what_the_provider_said(staff, browser, ask, clock):
    """Whoever is thrown out there is out here within 12 hours, not 24."""
    anna = browser()
    anna.enter(staff)
    ends = anna("GET", "/session")["ends_at"]
    clock.ahead = timedelta(minutes=5)
    asked = ask("POST", "/logins", 201, json={"program": "laptop"})
    anna("POST", f"/logins/{asked['code']}/approve")
    got = ask("POST", "/logins/poll", json={"secret": asked["secret"]})["logged_in"]
    assert got["ends_at"] == ends


def test_a_provider_whose_groups_may_do_nothing_does_not_work(create, provider, ask):
    create("staff", provider.issuer, groups=[])
    told = ask("POST", "/log-in/providers/staff/test")
    assert not told["works"]
    assert "nobody comes in" in told["said"]


@pytest.mark.parametrize("end", ["withdraw", "refuse", "grant"])
def test_a_request_that_is_over_keeps_no_secret(create, ask, token, vault, authority, with_secret, end):
    secrets = [token(name, "access_administrator", valid_seconds=None) for name in ("chief", "deputy")]
    with_secret(secrets[0], "PUT", "/approvals/settings", json={"verbs": ["create_provider"]})
    body = {"name": "staff", "issuer": "https://login.example.org", "client_id": "x", "secret": "HIDDEN-77"}
    with_secret(secrets[0], "POST", "/log-in/providers", 409, json={**body, "groups": GROUPS})
    [number] = [each["number"] for each in with_secret(secrets[0], "GET", "/approvals")["items"]]
    assert "HIDDEN-77" in str(kept(vault, number))
    by = secrets[0] if end == "withdraw" else secrets[1]
    with_secret(by, "POST", f"/approvals/{number}/{end}", json={"reason": "no"} if end == "refuse" else None)
    assert "HIDDEN-77" not in str(kept(vault, number))


def kept(vault, number):
    with vault.store.reading() as tx:
        return tx.approvals.find(number)


def test_whoever_is_not_logged_in_sees_the_names_of_providers_alone(staff, vault):
    answer = vault.rest.get("/api/log-in", headers={"Authorization": ""})
    assert answer.json() == {"providers": [{"name": "staff"}]}


def test_root_at_the_vaults_host_lets_somebody_in_whose_provider_is_gone(staff, browser, vault):
    browser().enter(staff)
    staff.close()
    anna = browser()
    shown = anna.log_in(link=login_link(vault.home, "anna").link)
    assert (shown["roles"], shown["chooses_password"]) == (["operator"], False)


def test_who_set_a_provider_up_is_no_second_person_to_whoever_comes_from_it(staff, browser, ask, token):
    """Whoever runs a provider can come from it under any name."""
    for name in ("chief", "deputy"):
        token(name, "access_administrator", valid_seconds=None)
    staff.groups = ["dr-admins"]
    anna = browser()
    anna.enter(staff)
    ask("PUT", "/approvals/settings", json={"verbs": ["create_site"]})
    assert code_of(ask("POST", "/sites", 409, json={"name": "c"})) == "approval-needed"
    number = anna("GET", "/approvals")["items"][0]["number"]
    assert "second person" in anna("POST", f"/approvals/{number}/grant", 403)["error"]["message"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"issuer": "http://login.example.org"}, {"issuer": "https://login.example.org?x"},
        {"issuer": "https://user:pass@login.example.org"}, {"issuer": "ftp://x"}, {"scopes": ["profile"]},
        {"groups": [GROUPS[0], GROUPS[0]]}, {"groups": [{"group": "x", "roles": []}]},
        {"ca_pem": "no certificate"}, {"ca_pem": ""},
        {"groups": [{"group": "x", "roles": ["access_administrator"], "site": "paris"}]}, {"sekret": "x"},
    ],
)  # fmt: skip
def test_a_provider_that_cannot_be_is_refused(create, wrong):
    create("staff", **{"issuer": "https://login.example.org", "wanted": 422, **wrong})


def test_a_secret_is_shown_to_no_other_server_than_it_was_given_for(staff, ask):
    ask("PUT", "/log-in/providers/staff", 422, json=settings(ask, issuer="https://evil.example"))
    ask("PUT", "/log-in/providers/staff", 422, json=settings(ask, ca_pem=None))
    ask("PUT", "/log-in/providers/staff", 200, json=settings(ask, ca_pem=None, secret="another one"))


def test_blanks_around_the_certificates_ask_for_no_secret(create, ask, authority):
    """A file ends with a newline, and a form does not: the console could not change such a provider."""
    create("staff", "https://login.example.org", ca_pem=f"{authority.pem.strip()}\n")
    ask("PUT", "/log-in/providers/staff", 200, json=settings(ask, ca_pem=authority.pem.strip()))
