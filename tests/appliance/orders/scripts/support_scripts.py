"""What tests of scripts do and look at."""

from secondsite.wire.control.orders import Kind
from secondsite.wire.control.scripts import CheckScripts, RunScript, ScriptContext, ScriptMachine

CONTEXT = ScriptContext(
    plan="shop", run="1", verb="failover", kind="unplanned", direction="away", is_drill=False, group=1,
    when="after",
    action="Traffic", machines=(ScriptMachine(id="1", name="db01", from_site="a", to_site="b",
    state="failed_over"),),
)  # fmt: skip


def write(folder, text, name="script", mode=0o755):
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(mode)
    return path


def payload(name="script", timeout_seconds=20.0):
    return RunScript(name=name, timeout_seconds=timeout_seconds, context=CONTEXT)


def ran(site, **asked):
    report = site.order(Kind.RUN_SCRIPT, payload(**asked))
    assert report.problem is None, report.problem
    return report.sentence, report.facts


def refused(site, name="script"):
    report = site.order(Kind.RUN_SCRIPT, payload(name))
    assert report.problem is not None, report
    (told,) = site.order(Kind.CHECK_SCRIPTS, CheckScripts(names=(name,))).facts["problems"]
    assert told.startswith(report.problem.message)
    return report.problem.message


def runs(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def times(folder):
    path = folder / "runs"
    return len(path.read_text().splitlines()) if path.exists() else 0
