"""What a hostile provider, a thief of a code, and a page from elsewhere get: nothing."""

import base64
import hmac
import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address

import pytest
from joserfc import jwk, jws, jwt

from rig.eventually import eventually
from secondsite.vault.facade.nouns.login.by_provider import LASTS
from secondsite.vault.notices.delivery import connection
from secondsite.vault.openid import discovery, fetching
from tests.api.login.support_providers import authority, browser, create, provider, staff
from tests.support.openid_provider import openid

__all__ = ["authority", "browser", "create", "provider", "staff"]
pytestmark = pytest.mark.always


def code_of(answer):
    return answer["error"]["code"]


def test_a_code_counts_once(staff, browser):
    anna = browser()
    came_back = staff.log_in(anna.begin()["address"])
    kept = anna.kept
    anna.finish(came_back)
    anna.kept = kept
    assert code_of(anna.finish(came_back, 401)) == "unauthenticated"


def test_a_code_that_the_provider_knows_no_more_lets_nobody_in(staff, browser):
    anna = browser()
    used = staff.log_in(anna.begin()["address"])
    anna.finish(used)
    again = staff.log_in(anna.begin()["address"])
    assert "finished already" in anna.finish({**again, "code": used["code"]}, 401)["error"]["message"]


def test_the_end_of_somebody_elses_log_in_counts_in_no_other_browser(staff, browser):
    """A page that sends a victim to the end of a log-in which the attacker began: log-in CSRF."""
    attacker, victim = browser(), browser()
    came_back = staff.log_in(attacker.begin()["address"])
    assert "another browser" in victim.finish(came_back, 401)["error"]["message"]
    victim.begin()
    came_back = staff.log_in(attacker.begin()["address"])
    assert "another browser" in victim.finish(came_back, 401)["error"]["message"]
    assert victim.cookie is None


def test_a_stolen_code_does_not_fit_the_thiefs_own_log_in(staff, browser):
    """PKCE: the provider wants the verifier of the browser that began."""
    victim, thief = browser(), browser()
    stolen = staff.log_in(victim.begin()["address"])
    mine = staff.log_in(thief.begin()["address"])
    thief.finish({**mine, "code": stolen["code"]}, 401)


def test_a_state_that_nobody_began_is_refused(staff, browser):
    anna = browser()
    came_back = staff.log_in(anna.begin()["address"])
    anna.finish({**came_back, "state": "x" * 43}, 401)


def test_a_log_in_that_takes_too_long_is_over(staff, browser, clock):
    anna = browser()
    came_back = staff.log_in(anna.begin()["address"])
    clock.ahead = LASTS
    assert "too long" in anna.finish(came_back, 401)["error"]["message"]


@pytest.mark.parametrize("iss", [None, "https://evil.example", ""])
def test_another_provider_in_the_answer_is_refused_before_its_code_is_shown_to_anybody(staff, browser, iss):
    anna = browser()
    came_back = staff.log_in(anna.begin()["address"])
    assert "another provider" in anna.finish({**came_back, "iss": iss}, 401)["error"]["message"]
    assert "/token" not in staff.asked


def test_providers_are_not_mixed_up(staff, create, browser, authority):
    """The hostile one lets the victim begin with it, and sends it on to the honest one with the same state:
    the honest one's code must not reach the hostile one (RFC 9700, 4.4)."""
    hostile = openid.Scripted(authority)
    try:
        create("guests", hostile.issuer)
        victim = browser()
        address = victim.begin("guests")["address"]
        came_back = staff.log_in(address)
        assert "another provider" in victim.finish(came_back, 401, "guests")["error"]["message"]
        came_back = staff.log_in(victim.begin("guests")["address"])
        assert "another provider" in victim.finish(came_back, 401, "staff")["error"]["message"]
        assert "/token" not in hostile.asked
    finally:
        hostile.close()


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"}, {"nonce": None}, {"aud": "another"}, {"aud": None}, {"aud": []},
        {"aud": ["secondsite", "another"]}, {"azp": "another"}, {"iss": "https://evil.example"},
        {"iss": None}, {"exp": 1}, {"exp": None}, {"exp": "9999999999"}, {"exp": True}, {"iat": 1},
        {"iat": None}, {"iat": 9999999999}, {"nbf": 9999999999}, {"exp": 10**400}, {"exp": {}},
        {"sub": None}, {"sub": ""}, {"sub": 7}, {"sub": "x" * 256}, {"sub": "a\nb"},
    ],
)  # fmt: skip
def test_an_id_token_that_says_something_else_is_refused(staff, browser, claims):
    staff.claims = claims
    assert code_of(browser().enter(staff, 401)) == "unauthenticated"


def test_clocks_may_differ_by_a_minute(staff, browser):
    now = int(time.time())
    staff.claims = {"exp": now - 30, "iat": now + 30}
    browser().enter(staff)


def unsigned(claims, header):
    parts = (header, claims)
    encoded = [base64.urlsafe_b64encode(json.dumps(each).encode()).rstrip(b"=").decode() for each in parts]
    return ".".join([*encoded, ""])


def by_public_key(provider, claims):
    """HS256 with the text of the public key as the shared secret."""
    signed = unsigned(claims, {"alg": "HS256", "kid": "one"})[:-1]
    digest = hmac.digest(provider.key.as_pem(private=False), signed.encode(), "sha256")
    return f"{signed}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def test_a_token_without_a_signature_or_with_that_of_another_key_is_refused(staff, browser):
    other, ordinary = jwk.generate_key("RSA", 2048, {"kid": "one"}), staff.sign
    signed = {
        "none": lambda claims: unsigned(claims, {"alg": "none", "kid": "one"}),
        "None": lambda claims: unsigned(claims, {"alg": "None"}),
        "no algorithm": lambda claims: unsigned(claims, {}),
        "an algorithm of a list": lambda claims: unsigned(claims, {"alg": ["none"]}),
        "the public key as a secret": lambda claims: by_public_key(staff, claims),
        "another key of that name": lambda claims: jwt.encode({"alg": "RS256", "kid": "one"}, claims, other),
        "its own key with it": lambda claims: jwt.encode(
            {"alg": "RS256", "kid": "two", "jwk": other.as_dict(private=False)}, claims, other
        ),
        "cut": lambda claims: ordinary(claims)[:-4],
        "no token": lambda claims: "x",
        "an odd header": lambda claims: "bnVsbA.e30.e30",
        "long": lambda claims: "x" * 100_000,
    }
    for name, sign in signed.items():
        staff.sign = sign
        assert code_of(browser().enter(staff, 401)) == "unauthenticated", name


def test_a_shared_secret_among_the_keys_is_no_key(staff, browser):
    shared = jwk.OctKey.generate_key(256, {"kid": "one"})
    staff.answers["/keys"] = lambda handler: handler.say({"keys": [shared.as_dict(private=True)]})
    staff.sign = lambda claims: jwt.encode(
        {"alg": "HS256", "kid": "one"}, claims, shared, algorithms=["HS256"]
    )
    browser().enter(staff, 401)


ODD_KEYS = {
    "an unknown curve": {"kty": "EC", "crv": "P-999", "x": "AA", "y": "AA"},
    "an unknown curve of Edwards": {"kty": "OKP", "crv": "EdX", "x": "AA"},
    "a key for exchanges": {"kty": "OKP", "crv": "X25519", "x": "A" * 43},
    "half a key": {"kty": "EC", "crv": "P-256"},
    "weak, behind zeros": {"kty": "RSA", "e": "AQAB", "n": "A" * 300 + "_" * 80},
}


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.parametrize("odd", ODD_KEYS)
@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_an_odd_key_among_the_others_lets_nobody_in_and_breaks_nothing(staff, browser, odd, algorithm):
    staff.metadata = {"id_token_signing_alg_values_supported": ["RS256", "ES256", "EdDSA"]}
    staff.answers["/keys"] = lambda handler: handler.say({"keys": [{**ODD_KEYS[odd], "kid": "one"}]})
    staff.header = {"alg": algorithm}
    staff.sign = lambda claims: f"{part({'alg': algorithm, 'kid': 'one'})}.{part(claims)}.{part('x' * 64)}"
    assert code_of(browser().enter(staff, 401)) == "unauthenticated"


def test_a_payload_of_any_depth_lets_nobody_in_and_breaks_nothing(staff, browser):
    deep = b'{"a":' + b"[" * 20_000 + b"]" * 20_000 + b"}"
    staff.sign = lambda claims: jws.serialize_compact({"alg": "RS256", "kid": "one"}, deep, staff.key)
    assert code_of(browser().enter(staff, 401)) == "unauthenticated"


def part(what):
    return base64.urlsafe_b64encode(json.dumps(what).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize("bits", [1024, 16384])
def test_an_rsa_key_that_is_too_weak_or_takes_too_long_is_no_key(staff, browser, bits):
    number = base64.urlsafe_b64encode(b"\xff" * (bits // 8)).rstrip(b"=").decode()
    key = {"kty": "RSA", "kid": "one", "e": "AQAB", "n": number}
    staff.answers["/keys"] = lambda handler: handler.say({"keys": [key]})
    browser().enter(staff, 401)


def test_a_new_key_is_looked_for_once_a_minute(staff, browser):
    browser().enter(staff)
    staff.header = {"kid": "new"}
    for _ in range(3):
        browser().enter(staff, 401)
    assert staff.asked.count("/keys") == 1
    assert staff.asked.count("/.well-known/openid-configuration") == 1


@pytest.mark.parametrize("kid", ["one", None])
def test_a_key_that_is_changed_under_its_former_id_or_none_is_looked_for_once_a_minute(
    staff, browser, kid, monkeypatch
):
    monkeypatch.setattr(discovery, "KEYS_APART_SECONDS", 0.0)
    said = {"kid": kid} if kid else {}
    staff.sign = lambda claims: jwt.encode({"alg": "RS256", **said}, claims, staff.key)
    for _ in range(2):
        staff.key = jwk.RSAKey.generate_key(2048, {"kid": kid} if kid else None)
        browser().enter(staff)
    assert staff.asked.count("/keys") == 2
    monkeypatch.setattr(discovery, "KEYS_APART_SECONDS", 60.0)
    staff.sign = lambda claims: "e30.e30.e30"
    browser().enter(staff, 401)
    assert staff.asked.count("/keys") == 2


HUGE = {
    "large": lambda handler: handler.say(b'{"a":"' + b"x" * 2_000_000 + b'"}'),
    "deep": lambda handler: handler.say(b"[" * 100_000),
    "of many parts": lambda handler: handler.say(b"[" + b"{}," * 50_000 + b"{}]"),
    "no JSON": lambda handler: handler.say(b"<html>"),
    "a list": lambda handler: handler.say([]),
    "an error": lambda handler: handler.say({}, 500),
}


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/keys", "/token"])
@pytest.mark.parametrize("answer", HUGE)
def test_an_answer_that_is_huge_or_odd_is_told_and_costs_little(staff, browser, path, answer):
    staff.answers[path] = HUGE[answer]
    anna = browser()
    begun = anna.begin(wanted=502 if path.startswith("/.") else 200)
    if not path.startswith("/."):
        begun = anna.finish(staff.log_in(begun["address"]), 502)
    assert code_of(begun) == "provider-unavailable"


def redirect(handler):
    handler.send_response(302)
    handler.send_header("location", "https://localhost/elsewhere")
    handler.send_header("content-length", "2")
    handler.end_headers()
    handler.wfile.write(b"{}")


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/keys", "/token"])
def test_no_redirect_of_a_provider_is_followed(staff, browser, path):
    staff.answers[path] = redirect
    assert staff.issuer  # its own answers are as ever
    anna = browser()
    begun = anna.begin(wanted=502) if path.startswith("/.") else anna.begin()
    if not path.startswith("/."):
        begun = anna.finish(staff.log_in(begun["address"]), 502)
    assert "302" in begun["error"]["message"]


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://evil.example"}, {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": "http://localhost/x"}, {"token_endpoint": "https://"}, {"jwks_uri": None},
        {"token_endpoint": "https://169.254.169.254.evil:x/"}, {"jwks_uri": "file:///etc/passwd"},
        {"token_endpoint_auth_methods_supported": ["private_key_jwt"]},
    ],
)  # fmt: skip
def test_a_provider_that_names_odd_addresses_is_not_used(staff, browser, metadata):
    staff.metadata = metadata
    assert code_of(browser().begin(wanted=502)) == "provider-unavailable"


def test_no_address_is_asked_at_which_clouds_keep_their_secrets(staff, browser, monkeypatch):
    """The provider of this test counts as one of these: nothing may be sent to it."""
    monkeypatch.setattr(connection, "SECRETS_OF_CLOUDS", frozenset({ip_address("127.0.0.1")}))
    told = browser().begin(wanted=502)["error"]["message"]
    assert "nothing is sent there" in told
    assert staff.asked == []


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/token"])
def test_a_provider_that_says_a_byte_now_and_then_gets_no_more_than_its_time(
    staff, browser, path, monkeypatch
):
    over = threading.Event()

    def drip(handler):
        handler.send_response(200)
        while not over.wait(0.05):
            try:
                handler.send_header("x", "y")
                handler.flush_headers()
            except OSError:
                return

    monkeypatch.setattr(fetching, "DEADLINE_SECONDS", 0.6)
    anna = browser()
    if path == "/token":
        came_back = staff.log_in(anna.begin()["address"])
    staff.answers[path] = drip
    try:
        told = anna.finish(came_back, 502) if path == "/token" else anna.begin(wanted=502)
    finally:
        over.set()
    assert "within" in told["error"]["message"]


def test_silent_name_servers_get_no_more_than_the_time_of_an_answer(staff, browser, monkeypatch):
    over, told = threading.Event(), threading.Event()

    def silent(*_asked, **_how):
        over.wait(60)
        told.set()
        raise socket.gaierror(socket.EAI_AGAIN, "nobody answered")

    monkeypatch.setattr(fetching, "DEADLINE_SECONDS", 0.6)
    monkeypatch.setattr(socket, "getaddrinfo", silent)
    try:
        assert "within" in browser().begin(wanted=502)["error"]["message"]
        assert not told.is_set()
    finally:
        over.set()
        assert told.wait(60)


def test_a_test_of_a_provider_takes_a_turn_at_it_as_log_ins_do(staff, ask, browser):
    over = threading.Event()
    staff.answers["/.well-known/openid-configuration"] = lambda handler: over.wait(20) and handler.say({})
    try:
        with ThreadPoolExecutor(2) as pool:
            begin = {"provider": "staff"}
            held = [pool.submit(browser().answer, "POST", "/log-in/begin", json=begin) for _ in range(2)]
            eventually(lambda: staff.asked.count("/.well-known/openid-configuration") == 2)
            assert code_of(ask("POST", "/log-in/providers/staff/test", 429)) == "too-many-attempts"
            over.set()
            assert [each.result(20).status_code for each in held] == [502, 502]
    finally:
        over.set()


def test_a_provider_that_hangs_keeps_nobody_out_who_comes_from_another(
    staff, create, browser, authority, ask
):
    over, other = threading.Event(), openid.Scripted(authority)
    body = {"name": "guests", "issuer": other.issuer, "client_id": openid.CLIENT, "secret": openid.SECRET}
    groups = [{"group": "dr-operators", "roles": ["reader"]}]
    ask("POST", "/log-in/providers", 201, json={**body, "groups": groups, "ca_pem": authority.pem})
    staff.answers["/.well-known/openid-configuration"] = lambda handler: over.wait(20) and handler.say({})
    begin = {"provider": "staff"}
    try:
        with ThreadPoolExecutor(2) as pool:
            held = [pool.submit(browser().answer, "POST", "/log-in/begin", json=begin) for _ in range(2)]
            eventually(lambda: staff.asked.count("/.well-known/openid-configuration") == 2)
            assert code_of(browser().begin(wanted=429)) == "too-many-attempts"
            browser().enter(other, by="guests", name="otto")
            over.set()
            assert [each.result(20).status_code for each in held] == [502, 502]
    finally:
        over.set()
        other.close()


def test_what_the_provider_says_in_an_error_is_told_only_if_it_is_a_word(staff, browser):
    for error, told in (("access_denied", "access_denied"), ("<script>", "does not say why")):
        anna = browser()
        came_back = {**staff.log_in(anna.begin()["address"]), "code": None, "error": error}
        message = anna.finish(came_back, 401)["error"]["message"]
        assert told in message
        assert "<" not in message


FOREIGN = [
    {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Sec-Fetch-Site": "none"}, {},
    {"Origin": "https://evil.example"},
]  # fmt: skip


@pytest.mark.parametrize("page", FOREIGN)
def test_no_page_from_elsewhere_begins_or_ends_a_log_in(staff, browser, page):
    anna = browser()
    assert code_of(anna.begin(wanted=403, headers=page)) == "forbidden"
    came_back = staff.log_in(anna.begin()["address"])
    assert code_of(anna.finish(came_back, 403, headers=page)) == "forbidden"


def test_the_address_to_come_back_to_is_the_vaults_own_as_the_browser_says_it(staff, browser, vault):
    anna = browser()
    assert "redirect_uri=https%3A%2F%2Ftestserver%2Fconsole%2Fenter%2Fstaff" in anna.begin()["address"]
    for host in ("evil.example/x", "a@b", "a b", "", "x" * 300, "a?b", "a#b"):
        headers = {"Sec-Fetch-Site": "same-origin", "Host": host, "Authorization": ""}
        answer = vault.rest.post("/api/log-in/begin", json={"provider": "staff"}, headers=headers)
        assert answer.status_code == 422, host


def test_log_ins_without_end_are_slowed(staff, browser):
    anna, body = browser(), {"provider": "staff"}
    seen = [anna.answer("POST", "/log-in/begin", json=body).status_code for _ in range(25)]
    assert seen[:20] == [200] * 20
    assert seen[-1] == 429


def test_the_cookie_of_a_log_in_is_the_vaults_own_pages_alone(staff, browser):
    answer = browser().answer("POST", "/log-in/begin", json={"provider": "staff"})
    cookie = answer.headers["set-cookie"]
    for flag in ("__Host-login=", "HttpOnly", "Secure", "SameSite=strict", "Path=/", "Max-Age=600"):
        assert flag in cookie
    assert answer.headers["cache-control"] == "no-store"
