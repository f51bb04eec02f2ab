"""Security keys are a second factor where the vault is reached by a name; each answer counts once."""

from datetime import timedelta

import pyotp
import pytest

from secondsite.vault.facade.nouns.login.security_keys import LASTS
from tests.support.login.browsers import OWN_PAGE, PASSWORD
from tests.support.login.keys import Key

NAMED = {**OWN_PAGE, "Host": "vault.example"}
ANNA = {"name": "anna", "password": PASSWORD}


def code_of(answer):
    return answer["error"]["code"]


def add(mine, key, name="blue", wanted=200, headers=NAMED):
    begun = mine("POST", "/session/security-keys/begin", 200, headers, json={"password": PASSWORD})
    body = {"name": name, "answer": key.make(begun["options"])}
    return mine("POST", "/session/security-keys", wanted, headers, json=body)


def answered(browser, key, who=ANNA, headers=NAMED):
    return key.use(browser("POST", "/session/question", 200, headers, json=who)["options"])


def enter(browser, answer, wanted=201, who=ANNA, headers=NAMED):
    return browser("POST", "/session", wanted, headers, json={**who, "key_answer": answer})


@pytest.fixture
def keyed(person):
    """A person with a key: the browser, the key, and codes for recovery."""
    anna, key = person("anna", "operator"), Key()
    return anna, key, add(anna, key)["codes"]


def test_a_key_is_asked_for_and_lets_in_with_the_password(keyed, browser, ask):
    anna, key, codes = keyed
    assert len(codes) == 10
    assert anna("GET", "/session")["has_second_factor"]
    assert ask("GET", "/people/anna")["has_second_factor"]
    assert not anna("GET", "/session")["has_app"]
    refused = browser().log_in(**ANNA, wanted=401)
    assert code_of(refused) == "second-factor-needed"
    assert refused["error"]["do"].startswith("Use your security key")
    late = browser()
    assert enter(late, answered(late, key))["has_second_factor"]
    assert {each["way"] for each in late("GET", "/sessions")} == {"two_factors"}
    (shown,) = late("GET", "/session/security-keys")
    assert (shown["name"], shown["host"]) == ("blue", "vault.example")
    assert shown["last_used_at"]


def test_an_answer_counts_once_and_for_five_minutes(keyed, browser, clock):
    _, key, _ = keyed
    late = browser()
    answer = answered(late, key)
    enter(late, answer)
    assert "counted already" in enter(browser(), answer, 401)["error"]["message"]
    answer = answered(late, key)
    clock.ahead = LASTS
    assert "too late" in enter(browser(), answer, 401)["error"]["message"]


def test_a_question_is_told_to_nobody_who_does_not_know_the_password(keyed, browser):
    wrong = {"name": "anna", "password": "nothing of the kind"}
    assert code_of(browser()("POST", "/session/question", 401, NAMED, json=wrong)) == "unauthenticated"
    nobody = {"name": "nobody", "password": PASSWORD}
    assert code_of(browser()("POST", "/session/question", 401, NAMED, json=nobody)) == "unauthenticated"


def test_a_key_that_says_that_it_was_used_less_often_may_be_a_copy(keyed, browser):
    _, key, _ = keyed
    late = browser()
    enter(late, answered(late, key))
    key.uses -= 1
    assert "copied" in enter(browser(), answered(late, key), 401)["error"]["message"]
    key.uses += 1
    enter(late, answered(late, key))


def test_a_key_that_does_not_count_is_taken(person, browser):
    key = Key(counts=False)
    add(person("anna"), key)
    for _ in range(2):
        late = browser()
        enter(late, answered(late, key))


WRONG = {
    "another page": lambda key: Key("https://vault.evil.example"),
    "another name": lambda key: Key(host="evil.example"),
    "another key": lambda key: Key(),
}


@pytest.mark.parametrize("which", WRONG)
def test_what_another_key_or_page_answers_is_refused(keyed, browser, which):
    """A page in between that hands on what the vault asks gets an answer that names that page."""
    _, key, _ = keyed
    other = WRONG[which](key)
    if which != "another key":
        other.id, other.private, other.uses = key.id, key.private, key.uses
    late = browser()
    assert code_of(enter(late, answered(late, other), 401)) == "second-factor-needed"


@pytest.mark.parametrize(
    "odd", ["", "x", "[]", "{}", '{"response": 1}', '{"response": {"clientDataJSON": "e30"}}']
)
def test_an_odd_answer_is_refused(keyed, browser, odd):
    assert code_of(enter(browser(), odd, 401)) == "second-factor-needed"


def test_the_answer_of_somebody_else_and_that_for_a_new_key_are_no_second_factor(keyed, person, browser):
    anna, key, _ = keyed
    ben, other = person("ben"), Key()
    add(ben, other)
    late = browser()
    answer = answered(late, other, {"name": "ben", "password": PASSWORD})
    enter(late, answer, 401)
    begun = anna("POST", "/session/security-keys/begin", 200, NAMED, json={"password": PASSWORD})
    enter(late, key.use(begun["options"]), 401)


@pytest.mark.parametrize("address", ["192.0.2.7", "192.0.2.7:8443", "[2001:db8::1]:8443"])
def test_at_an_address_it_is_told_why_not(person, address):
    refused = person("anna")(
        "POST",
        "/session/security-keys/begin",
        409,
        {**OWN_PAGE, "Host": address},
        json={"password": PASSWORD},
    )
    assert "made for a name" in refused["error"]["message"]


def test_a_key_counts_at_its_own_name_alone(keyed, browser):
    elsewhere = {**OWN_PAGE, "Host": "other.example"}
    refused = browser()("POST", "/session/question", 409, elsewhere, json=ANNA)
    assert "other.example" in refused["error"]["message"]


def test_whoever_took_a_session_over_adds_and_removes_none(keyed):
    anna, _, _ = keyed
    anna("POST", "/session/security-keys/begin", 401, NAMED, json={})
    key = anna("GET", "/session/security-keys")[0]["id"]
    anna("POST", f"/session/security-keys/{key}/remove", 401, NAMED, json={})


def test_an_app_and_a_key_stand_beside_each_other_with_the_same_codes_for_recovery(keyed, browser, clock):
    anna, key, codes = keyed
    begun = anna("POST", "/session/second-factor", json={"password": PASSWORD})
    app = pyotp.TOTP(begun["secret"])
    assert anna("PUT", "/session/second-factor", json={"one_time_code": app.at(clock())})["codes"] == []
    clock.ahead += timedelta(seconds=30)
    browser().log_in(**ANNA, code=app.at(clock()))
    browser().log_in(**ANNA, code=codes[0])
    late = browser()
    enter(late, answered(late, key))
    question = late("POST", "/session/security-keys/ask", 200, NAMED)
    late(
        "POST", "/session/second-factor/remove", 200, NAMED, json={"key_answer": key.use(question["options"])}
    )
    assert late("GET", "/session")["has_second_factor"]
    key_id = late("GET", "/session/security-keys")[0]["id"]
    late("POST", f"/session/security-keys/{key_id}/remove", 200, NAMED, json={"one_time_code": codes[1]})
    assert not late("GET", "/session")["has_second_factor"]
    browser().log_in(**ANNA, code=codes[2])


def test_an_administrator_removes_all_keys_of_whoever_lost_them(keyed, ask, browser):
    assert not ask("DELETE", "/people/anna/second-factor")["has_second_factor"]
    browser().log_in(**ANNA)


def test_ten_keys_are_enough(person):
    anna = person("anna")
    for number in range(10):
        add(anna, Key(), f"key {number}")
    anna("POST", "/session/security-keys/begin", 409, NAMED, json={"password": PASSWORD})
