"""The policy lets the scripts of the manual's pages run, and no others."""

import base64
import hashlib

from manual import policy


def test_a_script_within_a_page_stands_in_the_policy_by_its_digest(tmp_path):
    (tmp_path / "a.html").write_text("<script>begin()</script><script src='b.js'></script>")
    digest = base64.b64encode(hashlib.sha256(b"begin()").digest()).decode()
    assert f"script-src 'self' 'sha256-{digest}';" in policy.policy(tmp_path)


def test_what_is_data_and_no_script_needs_no_word(tmp_path):
    (tmp_path / "a.html").write_text('<script id="__config" type="application/json">{}</script>')
    assert "script-src 'self';" in policy.policy(tmp_path)


def test_the_policy_has_no_unsafe_word(tmp_path):
    (tmp_path / "a.html").write_text("<script>begin()</script>")
    assert "unsafe" not in policy.policy(tmp_path)
