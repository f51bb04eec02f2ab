"""The target's appliance runs scripts of its own folder: real processes, each once, with a deadline."""

import json
import os
import uuid

import pytest

from rig.appliances import Kept, TinyVault
from rig.dying import Killed
from rig.eventually import eventually
from secondsite.ground import seams
from secondsite.wire.control.orders import Kind
from secondsite.wire.control.scripts import ScriptContext
from tests.appliance.orders.scripts.support_scripts import CONTEXT, payload, ran, refused, runs, times, write

pytestmark = pytest.mark.slow


def test_it_reads_its_context_and_has_nothing_of_the_appliances_environment(site, folder, monkeypatch):
    monkeypatch.setenv("SECRET", "x")
    write(folder, f"cat >{folder}/context; env >{folder}/environment; echo moved; echo again >&2")
    sentence, facts = ran(site)
    assert sentence.startswith("script succeeded after ")
    assert (facts["exit_status"], facts["output"]) == (0, "moved\nagain")
    assert ScriptContext.model_validate(json.loads((folder / "context").read_text())) == CONTEXT
    names = {line.partition("=")[0] for line in (folder / "environment").read_text().splitlines()}
    assert names <= {"PATH", "LANG", "PWD", "SHLVL", "_", "OLDPWD"}


def test_another_status_than_zero_is_a_failure_with_the_last_of_its_output(site, folder):
    write(folder, "seq 1 100000; printf 'no \\033[31mroute\\n'; exit 3")
    sentence, facts = ran(site)
    assert sentence.startswith("script failed with status 3 after ")
    assert facts["output"].endswith("99999\n100000\nno route")
    assert len(facts["output"]) <= 4000


def test_at_its_deadline_it_is_killed_with_all_that_it_has_started(site, folder):
    write(folder, f"sleep 600 & echo $! >{folder}/child; sleep 600")
    sentence, facts = ran(site, timeout_seconds=0.5)
    assert (sentence, facts["exit_status"]) == ("script was killed after 0.5 s", None)
    child = int((folder / "child").read_text())
    eventually(lambda: not runs(child), 10)


def test_without_a_folder_it_is_refused_with_what_to_do(sites):
    assert refused(sites[1]) == "Script 'script' cannot be run: this appliance has no script folder."


def test_only_a_plain_executable_file_of_its_owner_is_run(site, folder, tmp_path):
    assert "No such file" in refused(site)
    path = write(folder, "true", mode=0o644)
    assert refused(site) == f"Script {path} is not executable."
    path.chmod(0o777)
    assert refused(site) == f"{path} can be written by others than its owner."
    path.chmod(0o755)
    os.chown(path, 12345, -1)
    assert refused(site).startswith(f"{path} belongs to user 12345")
    path.unlink()
    path.symlink_to(write(tmp_path, "true", name="outside"))
    assert "no link" in refused(site)
    path.unlink()
    write(folder, "true")
    folder.chmod(0o777)
    assert refused(site) == f"{folder} can be written by others than its owner."
    folder.chmod(0o755)
    assert ran(site)[1]["exit_status"] == 0


@pytest.mark.parametrize("name", ["../outside", "/bin/true", "sub/script", ".."])
def test_a_path_is_never_understood(site, name):
    report = site.order(Kind.RUN_SCRIPT, payload().model_copy(update={"name": name}))
    assert "not understood" in report.problem.message


def test_one_that_the_appliances_end_interrupted_is_told_so_and_not_repeated(site, folder):
    write(folder, f"echo ran >>{folder}/runs")
    for seam, runs_then in (("appliance.script.noted", 0), ("appliance.script.ended", 1)):
        order_id = uuid.uuid4().hex
        with pytest.raises(Killed), seams.armed(dying_at(seam)):
            site.order(Kind.RUN_SCRIPT, payload(), order_id=order_id)
        site.restart()
        report = site.order(Kind.RUN_SCRIPT, payload(), order_id=order_id)
        assert report.facts["interrupted"] is True
        assert report.sentence == "script may have run: the appliance ended meanwhile"
        assert times(folder) == runs_then


def dying_at(wanted):
    def reach(name):
        if name == wanted:
            raise Killed(name)

    return reach


def test_however_often_an_appliance_is_killed_with_9_a_script_runs_once_at_most(make_site, ca, folder):
    write(folder, f"echo ran >>{folder}/runs; sleep 0.2")
    vault = TinyVault(ca)
    process = Kept(make_site("b", script_folder=folder), vault)
    try:
        said = []
        for reach in range(1, 9):
            before = times(folder)
            process.die_at(reach)
            facts = vault.order("appliance-b", Kind.RUN_SCRIPT, payload(), None)
            more = times(folder) - before
            assert more in ((0, 1) if facts["interrupted"] else (1,)), (reach, facts)
            said.append(facts["interrupted"])
        assert process.deaths >= 4
        assert True in said
        assert False in said
    finally:
        process.end()
        vault.stop()
