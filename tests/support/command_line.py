"""The command line against a rig's vault, in this process: a hundred starts of Python would take longer
than all else."""

import contextlib
import io
import json
from itertools import takewhile

from secondsite.cli import app
from secondsite.entry import commands as _with_processes  # noqa: F401 - registers 'init', 'run', 'enroll'

ASKS = {
    "failover", "planned-failover", "change-recovery-point", "commit", "cancel-failover", "test-failover",
    "cleanup-test-failover", "reprotect", "disable-protection",
}  # fmt: skip
"""Verbs that nobody begins unasked."""


def told(rig, *words, exit_code=0):
    """What a command printed as JSON; fails unless it ended with this exit code. A refusal is on standard
    error. Whatever it asks is meant."""
    vault = rig.home("vault")
    access = ["--url", rig.url, "--ca", str(vault / "pki" / "ca.pem")]
    access += ["--token-file", str(vault / "token")]
    out, complaints = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(complaints):
        ended = app.run([*access, *words, *_meant(words), "--json"])
    text = out.getvalue() or complaints.getvalue()
    assert text.startswith(("{", "[")), f"{words} ended with {ended}:\n{text}"
    said = json.loads(text)
    assert ended == exit_code, f"{words} ended with {ended}:\n{_explained(rig, said)}"
    assert exit_code == 0 or "tasks" in said or out.getvalue() == ""
    return said


def _meant(words):
    noun, verb, *names = words if len(words) > 1 else (*words, "")
    if verb == "delete":
        return () if "--yes" in words else ("--yes",)
    if noun not in ("machine", "plan") or verb not in ASKS:
        return ()
    beside = verb == "failover" and "--shut-down" not in words
    named = [each for each in takewhile(lambda word: not word.startswith("-"), names) if beside]
    yes = () if "--yes" in words else ("--yes",)
    return (*yes, *(part for name in named for part in ("--while-running", name)))


def _explained(rig, said):
    if not isinstance(said, dict) or "tasks" not in said:
        return json.dumps(said, indent=1)
    with rig.client() as vault:
        return rig.describe(vault.jobs[said["id"]].show())


def do(rig, verb, *arguments, **more):
    """A verb on machines through the command line; gives its job."""
    return told(rig, "machine", verb, *arguments, **more)


def refused(rig, *arguments, exit_code):
    """The refusal of a command; it says what to do."""
    error = told(rig, *arguments, exit_code=exit_code)["error"]
    assert error["message"]
    assert error["do"]
    return error


def jobs_below(rig, job):
    """A batch's jobs by their machine; of a single one, itself."""
    with rig.client() as vault:
        found = [vault.jobs[child].show() for child in job["children"]] or [vault.jobs[job["id"]].show()]
    return {each.subject_name: each for each in found}


def facts_of(rig, job, task):
    """The facts of a task, by machine."""
    below = jobs_below(rig, job).items()
    return {name: next(t.facts for t in each.tasks if t.name == task) for name, each in below}
