"""Webhooks are signed, mails are plain, and neither goes to whom it does not trust."""

import hashlib
import hmac
import json
import re
import time
from pathlib import Path

import pytest

import secondsite
from rig.eventually import eventually
from tests.vault.notices.support_receivers import USER

pytestmark = pytest.mark.slow
GUIDE = Path(secondsite.__file__).parents[2] / "docs" / "guide" / "notices.md"


def try_it(vault, name):
    answer = vault.rest.post(f"/api/notices/targets/{name}/test")
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_webhook_is_signed_as_the_guide_says(vault, tell, web_server, authority):
    server = web_server(authority)
    tell("hook", **server.target())
    assert try_it(vault, "hook")["said"] == "204 No Content"
    (post,) = server.posts
    example = re.search(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    assert example is not None
    known: dict[str, object] = {}
    exec(example[1], known)
    verify = known["verify"]
    assert callable(verify)
    told = verify("a key of the two sides", post.headers, post.body)
    assert told["groups"][0]["kind"] == "test"
    assert told == json.loads(post.body)
    late = dict(post.headers) | {"Secondsite-Timestamp": str(int(time.time()) - 3600)}
    for key, headers, body in (
        ("another key of two sides", post.headers, post.body),
        ("a key of the two sides", post.headers, post.body + b" "),
        ("a key of the two sides", late, post.body),
    ):
        with pytest.raises(ValueError):
            verify(key, headers, body)
    stamped = post.headers["Secondsite-Timestamp"].encode() + b"." + post.body
    digest = hmac.new(b"a key of the two sides", stamped, hashlib.sha256).hexdigest()
    assert post.headers["Secondsite-Signature"] == f"v1={digest}"


def test_a_redirect_is_not_followed(vault, tell, web_server):
    server, elsewhere = web_server(), web_server()
    server.statuses, server.headers = [307], {"Location": elsewhere.url}
    tell("hook", **server.target())
    tried = try_it(vault, "hook")
    assert not tried["delivered"]
    assert "redirects are not followed" in tried["said"]
    assert elsewhere.posts == []


def test_a_server_that_is_not_trusted_is_told_nothing(vault, tell, web_server, mail_server, authority):
    web = web_server(authority)
    tell("web", **web.target(ca_pem=None))
    for mode in ("starttls", "tls"):
        server = mail_server(mode)
        tell(mode, **server.target(ca_pem=None))
        assert "certificate is not trusted" in try_it(vault, mode)["said"]
        assert server.mails == []
    assert "certificate is not trusted" in try_it(vault, "web")["said"]
    assert web.posts == []


def test_no_password_goes_to_a_server_without_tls(vault, tell, mail_server):
    server = mail_server("none")
    tell("ops", **server.target(mail={**server.target()["mail"], "tls": "starttls"}))
    tried = try_it(vault, "ops")
    assert "STARTTLS" in tried["said"]
    assert server.mails == []


@pytest.mark.parametrize("mode", ["starttls", "tls", "none"])
def test_a_mail_says_what_it_is_and_how_the_server_answered(vault, tell, mail_server, mode):
    server = mail_server(mode, asks_who=mode != "none")
    tell("ops", **server.target())
    assert try_it(vault, "ops")["said"] == "accepted by 127.0.0.1 for 1 of 1"
    (mail,), (envelope,) = server.mails, server.inbox.envelopes
    assert envelope.encrypted is (mode == "starttls")  # with "tls" nobody else could speak to it
    assert envelope.user == (USER if mode != "none" else None)
    assert mail["auto-submitted"] == "auto-generated"
    assert mail["from"] == "vault@example.org"
    assert mail.get_content_type() == "text/plain"
    server.inbox.refuse = "451 come\x1b[31m back later"
    assert try_it(vault, "ops")["said"] == "It answered 451 come [31m back later"


def test_nobody_is_there(vault, tell, web_server):
    server = web_server()
    settings = server.target()
    server.close()
    tell("hook", **settings)
    assert "refused" in try_it(vault, "hook")["said"].lower()


def test_who_hangs_is_cut_and_holds_up_nobody_else(vault, tell, web_server, monkeypatch):
    from secondsite.vault.notices.delivery import connection

    monkeypatch.setattr(connection, "DEADLINE_SECONDS", 1.0)
    hangs, good = web_server(), web_server()
    hangs.gate.clear()
    tell("hangs", wanted={"findings": None}, **hangs.target())
    tell("good", **good.target())
    began = time.monotonic()
    tried = try_it(vault, "hangs")
    assert not tried["delivered"]
    assert "did not accept the message" in tried["said"]
    assert time.monotonic() - began < 10
    assert try_it(vault, "good")["delivered"]
    eventually(lambda: good.posts, within_seconds=10)
