"""The picture of a screen that a job kept, through its face, at the command line, and until it is as old
as jobs become."""

from datetime import timedelta

import pytest

from secondsite.cli import app
from secondsite.cli.nouns import job as job_noun
from secondsite.client import Connection, Vault
from secondsite.vault.store import PictureRecord
from tests.support.jobs.asking import asked, vault
from tests.support.vault import NOW, ThroughTheApplication

__all__ = ["asked", "vault"]
pytestmark = pytest.mark.slow
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


@pytest.fixture
def kept(vault, asked):
    with vault.store.transaction() as tx:
        tx.pictures.put(PictureRecord(asked, NOW, b"an earlier one"))
        tx.pictures.put(PictureRecord(asked, NOW, PNG))
    return asked


@pytest.fixture
def typed(vault, monkeypatch, capsys):
    """A line as a person types it, for the vault of this process."""
    network = ThroughTheApplication(vault.rest)

    def connect(context):
        return Vault(Connection("https://vault", vault.made.token, vault.made.ca_file, network))

    monkeypatch.setattr(job_noun, "connect", connect)

    def typed(*words):
        code = int(app.run(list(words)))
        return code, capsys.readouterr()

    return typed


def test_the_newest_picture_of_a_job_is_given_as_it_was_taken(vault, kept):
    answer = vault.rest.get(f"/api/jobs/{kept[:10]}/picture")
    assert (answer.status_code, answer.content) == (200, PNG)
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_job_without_a_picture_says_where_to_look(ask, asked):
    refused = ask("GET", f"/jobs/{asked}/picture", 404)["error"]
    assert refused["message"].endswith("has no picture of a screen.")
    assert f"secondsite job show {asked[:10]}" in refused["do"]


def test_a_picture_is_written_to_a_file(typed, kept, tmp_path):
    out = tmp_path / "web01.png"
    code, said = typed("job", "picture", kept[:10], "--out", str(out))
    assert (code, out.read_bytes()) == (0, PNG), said.err
    assert said.out.startswith(f"wrote {out}, ")
    code, said = typed("job", "picture", kept[:10], "--out", str(tmp_path / "none" / "web01.png"))
    assert code == 2
    assert "cannot be written: No such file or directory" in said.err


def test_a_picture_goes_when_it_is_old(vault, kept):
    with vault.store.transaction() as tx:
        tx.pictures.forget(NOW)
    assert vault.rest.get(f"/api/jobs/{kept}/picture").status_code == 200
    with vault.store.transaction() as tx:
        tx.pictures.forget(NOW + timedelta(seconds=1))
    assert vault.rest.get(f"/api/jobs/{kept}/picture").status_code == 404
