"""A person answers a job at the command line."""

import pytest

from secondsite.cli import app, follow
from secondsite.cli.nouns import job as job_noun
from secondsite.client import Connection, Vault, errors
from secondsite.client.nouns.jobs import JobHandle
from secondsite.wire import rest
from tests.support.jobs.asking import asked, vault
from tests.support.scripted_vault import events, job, scripted, shown
from tests.support.vault import ThroughTheApplication

__all__ = ["asked", "vault"]
ASKS = {"instruction": "Move the traffic", "verdicts": ["done", "failed"]}
ANSWER = {"by": "anna", "at": "2026-11-20T12:00:00Z", "verdict": "done", "note": "by hand"}


def task(state, **changes):
    values = {"position": 1, "name": "Traffic", "state": state, "sentence": "", "attempt": 1}
    return rest.Task.model_validate({**values, **changes})


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


@pytest.mark.slow
def test_a_job_is_shown_with_what_it_asks_and_answered(typed, asked):
    _, said = typed("job", "show", asked[:10])
    assert (
        f"asks: Move the traffic to site b; answer with: secondsite job answer {asked[:10]} done|failed"
        in said.out
    )
    listed = typed("job", "list")[1].out
    assert " asks " in listed
    assert "waits for a person: Move the traffic" in listed
    assert typed("job", "answer", asked[:10], "perhaps")[0] == 2
    assert typed("job", "answer", asked[:10], "done", "--task", "0")[0] == 4
    code, said = typed("job", "answer", asked[:10], "done", "--note", "by hand")
    assert code == 0, said.err
    typed("job", "follow", asked[:10])
    _, said = typed("job", "show", asked[:10])
    assert "admin answered done at " in said.out
    assert ": by hand" in said.out
    assert typed("job", "answer", asked[:10], "done")[0] == 4


def test_a_follower_is_told_once_what_to_type_and_sees_the_end(tmp_path, capsys):
    waiting = [job("waiting", tasks=[task("waiting", asks=ASKS, sentence=str(n))]) for n in range(3)]
    ended = job("succeeded", tasks=[task("succeeded", answer=ANSWER, sentence="moved")])
    vault, _ = scripted(tmp_path, events(*waiting, ended))
    assert follow.follow(vault, vault.jobs["j1"], as_json=False).state == "succeeded"
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "asks    Traffic: Move the traffic; answer with: secondsite job answer j1 done|failed",
        "done    Traffic: moved",
    ]


def test_a_program_that_does_not_say_which_task_answers_the_one_that_asks(tmp_path):
    asking = job("waiting", tasks=[task("succeeded", position=0), task("waiting", asks=ASKS)])
    vault, transport = scripted(tmp_path, shown(asking), shown(asking))
    vault.jobs["j1"].answer("done", "seen")
    assert b'"task":1' in transport.asked[1].content.replace(b" ", b"")
    vault, _ = scripted(tmp_path, shown(job("running")))
    with pytest.raises(errors.NotPossibleNow, match="asks nothing"):
        JobHandle.answer(vault.jobs["j1"], "done")


def test_a_word_of_a_newer_vault_does_not_make_a_list_fail(tmp_path):
    newer = job("running").model_dump_json().replace('"failover"', '"of_a_newer_release"')
    assert rest.Job.model_validate_json(newer).verb is rest.OtherJobKind.UNKNOWN
