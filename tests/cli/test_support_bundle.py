"""What others need to help is in one file, and no secret is."""

import io
import json
import tarfile

import pytest

from secondsite.domain.access.hidden import HIDDEN, without_what_looks_secret

SECRET = "hunter2-0123456789abcdef"


@pytest.fixture
def bundle(cli, tmp_path):
    """Makes one; its texts by name."""

    def bundle(words=""):
        file = tmp_path / "bundle.tar.gz"
        said = cli.must(f"support-bundle {file} --json {words}")
        assert said.json["file"] == str(file)
        assert file.stat().st_mode & 0o777 == 0o600
        with tarfile.open(file) as archive:
            found = {each.name.removeprefix("secondsite-support/"): read(archive, each) for each in archive}
        file.unlink()
        return found, said.json["missing"]

    return bundle


def read(archive, member):
    opened = archive.extractfile(member)
    assert opened is not None
    return opened.read().decode()


def test_it_has_what_the_vault_tells_and_no_secret(cli, rig, bundle, tmp_path):
    (tmp_path / "secret").write_text(SECRET)
    cli.must(
        f"notice set pager --webhook https://pager.example.org/hook/{SECRET} --secret-file {tmp_path}/secret"
    )
    token = cli.must("token create helper --role reader --json").json["token"]
    key = cli.must("appliance create-registration-key --site a --json").json["key"]
    found, missing = bundle()
    assert not [name for name in missing if name.startswith("vault")]
    for name, text in found.items():
        for secret in (SECRET, token, key, (rig.home("vault") / "token").read_text().strip()):
            assert secret not in text, name
        if name.endswith(".json"):
            json.loads(text)
    assert [each["name"] for each in json.loads(found["vault/notice-targets.json"])["items"]] == ["pager"]
    sites = json.loads(found["vault/sites.json"])
    assert {each["name"] for each in sites.get("items", ())} >= {"a", "b"}
    assert "secondsite_vault_info" in found["vault/metrics.txt"]
    assert "Look through it before you send it" in found["README"]


def test_without_a_vault_it_has_what_the_host_says_and_names_what_is_missing(bundle, monkeypatch):
    monkeypatch.setenv("SECONDSITE_URL", "https://127.0.0.1:9")
    found, missing = bundle()
    assert "127.0.0.1:9" in missing["vault"]
    assert "vault: " in found["missing"]
    assert "Python" in found["host/system.txt"]


def test_a_file_that_is_there_stays(cli, tmp_path):
    (tmp_path / "mine").write_text("mine")
    said = cli(f"support-bundle {tmp_path}/mine --json")
    assert (said.exit, said.problem["code"]) == (2, "invalid-argument")
    assert (tmp_path / "mine").read_text() == "mine"


@pytest.mark.parametrize(
    "text",
    [
        "sst_" + "a-B_9" * 9,
        "-----BEGIN PRIVATE KEY-----\nMIIE\nvQ==\n-----END PRIVATE KEY-----",
        "-----BEGIN EC PRIVATE KEY-----\nMIIE",
        "-".join(["0a1f"] * 10),
        "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbm5hIn0.c2lnbmF0dXJl",
        "sss_" + "a-B_9" * 9,
        "AGE-SECRET-KEY-1QQPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L",
    ],
)
def test_what_has_the_form_of_a_secret_is_taken_out_of_any_text(text):
    assert without_what_looks_secret(f"before {text} after").replace(" after", "") == f"before {HIDDEN}"
    assert without_what_looks_secret(text) == HIDDEN


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Authorization: Bearer abcdefghij", f"Authorization: Bearer {HIDDEN}"),
        ("Cookie: __Host-session=abc; theme=dark", f"Cookie: __Host-session={HIDDEN}; theme=dark"),
        ("GET /callback?code=Zx9&state=1 HTTP", f"GET /callback?code={HIDDEN}&state=1 HTTP"),
        ("grant&client_secret=s3cret&x=1", f"grant&client_secret={HIDDEN}&x=1"),
        ("otpauth://totp/dr:anna?secret=JBSWY3DPEHPK3PXP ok", f"otpauth://{HIDDEN} ok"),
        ("code=rpo-exceeded machine=web01", "code=rpo-exceeded machine=web01"),
        ("postgresql://vault:pw@db/secondsite", f"postgresql://{HIDDEN}@db/secondsite"),
        ("point 20261130T044548Z-1.12 of web01", "point 20261130T044548Z-1.12 of web01"),
        ("https://vault:8443/api", "https://vault:8443/api"),
    ],
)
def test_what_is_no_secret_stays(text, told):
    assert without_what_looks_secret(text) == told


def test_a_log_of_megabytes_is_read_through_in_a_moment():
    text = io.StringIO()
    for number in range(50_000):
        text.write(f"2026-11-30 {number} -----BEGIN https://host:{number}/ 0a1f-0a1f-0a1f basic words\n")
    assert without_what_looks_secret(text.getvalue()) == text.getvalue()
