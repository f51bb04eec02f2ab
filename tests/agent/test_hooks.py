"""Applications that rest at an instant, by programs of the machine's owner."""

import pytest

from rig.eventually import eventually

from . import support_agent as support


@pytest.fixture
def begun(folder, make_disk, start):
    """A disk, its agent, and one hook that notes on that disk what it is asked, which would hang if it stood
    still."""
    disk = make_disk()
    hooks = folder / "hooks.d"
    hooks.mkdir()

    def begin(body):
        hook = hooks / "10-app"
        heard = f"{disk.mount}/asked"
        hook.write_text(f"#!/bin/sh\necho $1 >> {heard}\nsync {heard}\n{body.replace('HEARD', heard)}\n")
        hook.chmod(0o700)
        agent = start([disk], "--hooks", str(hooks), "--hook-deadline", "2s")
        replica = support.Replica(agent, [disk])
        replica.copy("first")
        return disk, agent, replica

    return begin


def asked(disk):
    heard = disk.mount / "asked"
    return heard.read_text().split() if heard.exists() else []


def point(agent):
    answer = agent.ask("open", view="frozen", base="first", name="point", app=True)
    assert answer["ok"], answer
    return answer["told"]["instant"]["app"]


def test_hooks_are_asked_before_the_file_systems_stand_still_and_after(begun):
    disk, agent, replica = begun("")
    agent.hold("frozen")
    agent.send("open", view="frozen", base="first", name="point", app=True)
    agent.held("frozen")
    assert asked(disk) == ["freeze"]
    truth = {disk.key: disk.digests()}
    agent.let_go("frozen")
    answer = agent.answer()
    assert answer["told"]["instant"]["app"] == {"consistent": True}
    assert asked(disk) == ["freeze", "thaw"]
    replica.receive("point")
    assert replica.digests == truth


@pytest.mark.parametrize(
    ("body", "said"),
    [("echo the database is away; exit 3", "the database is away"), ("exec sleep 60", "was killed")],
)
def test_where_a_hook_fails_the_point_is_as_after_a_power_cut_and_says_why(begun, body, said):
    disk, agent, _ = begun(body)
    app = point(agent)
    assert not app["consistent"]
    assert said in app["reason"]
    assert asked(disk) == ["freeze", "thaw"]


def test_what_a_hook_says_at_the_thaw_counts_as_well(begun):
    _, agent, _ = begun("[ $1 = freeze ] || { echo the lock was lost; exit 1; }")
    assert "the lock was lost" in point(agent)["reason"]


def test_without_being_asked_nobody_rests(begun):
    disk, agent, _ = begun("")
    told = agent.told("open", view="frozen", base="first", name="point")
    assert "app" not in told["instant"]
    assert not (disk.mount / "asked").exists()


def test_applications_rest_as_long_as_a_freeze_lasts(begun):
    disk, agent, _ = begun("")
    agent.told("freeze", name="group", seconds=60, app=True)
    agent.told("open", view="frozen", base="first", name="point")
    assert asked(disk) == ["freeze"]
    assert agent.told("thaw", name="group")["app"] == {"consistent": True}
    assert asked(disk) == ["freeze", "thaw"]


def test_applications_go_on_if_the_agent_is_killed_while_they_rest(begun):
    disk, agent, _ = begun("")
    agent.hold("synced")
    agent.send("open", view="frozen", base="first", name="point", app=True)
    agent.held("synced")
    assert asked(disk) == ["freeze"]
    agent.kill()
    eventually(lambda: asked(disk) == ["freeze", "thaw"], support.PATIENCE)


def test_applications_go_on_if_the_agent_is_killed_while_they_are_brought_to_rest(begun, folder):
    """Not before the hook has ended: it would take effect after its thaw."""
    now = folder / "now"
    disk, agent, _ = begun(
        f"until [ $1 = thaw ] || [ -e {now} ]; do sleep 0.05; done; echo $1-ended >> HEARD"
    )
    agent.send("open", view="frozen", base="first", name="point", app=True)
    eventually(lambda: asked(disk) == ["freeze"], support.PATIENCE)
    agent.kill()
    now.touch()
    eventually(lambda: asked(disk) == ["freeze", "freeze-ended", "thaw", "thaw-ended"], support.PATIENCE)
