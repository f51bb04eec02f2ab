"""A machine that was failed over, and has a fence, is switched on again: on a host with a systemd of its
own."""

import json
import shutil
import socket

import pytest

from rig.eventually import eventually
from rig.installed import Host, why_not
from secondsite.domain.errors import FabricError
from tests.fabrics.agent import support_link as support

pytestmark = [
    *support.needs_agent,
    pytest.mark.longest,
    pytest.mark.timeout(600),
    pytest.mark.skipif(why_not() is not None, reason=str(why_not())),
]

WORK = """[Service]
ExecStart=/bin/sleep infinity
[Install]
WantedBy=multi-user.target
"""
PLAIN = """[Service]
ExecStart=/bin/sleep infinity
[Install]
WantedBy=default.target
"""
BACKUP = """[Timer]
OnActiveSec=1
[Install]
WantedBy=timers.target
"""
AGENT = """[Service]
ExecStart=
ExecStart=/usr/local/sbin/secondsite-agent run --only-loops
"""
HURRIED = """[Service]
ExecStart=
ExecStart=/usr/local/sbin/secondsite-agent fence --patience 3s --unanswered {unanswered}
"""
RUNS_ELSEWHERE = "it was failed over, and runs at the other site."
USER = "app:x:4711:4711::/home/app:/bin/sh"
OF_A_USER = "/home/app/.config/systemd/user"
HARDWARE = "/etc/hardware-of-this-host"


@pytest.fixture
def host(folder):
    made = Host("physical", folder / "physical")
    made.boots_to = "default.target"
    link = made.path("/etc/systemd/system/default.target")
    link.symlink_to("/lib/systemd/system/multi-user.target")
    made.power_on()
    yield made
    made.destroy()


@pytest.fixture
def fenced(host, agents):
    """It has work of its own, and a fence; its appliance says what stands in `why`."""
    why = [""]
    agents.answer_fences(lambda agent_id, product: why[0])
    shutil.copy(support.PROGRAM, host.path("/root/secondsite-agent"))
    for path, text in (
        (HARDWARE, "hardware-1\n"),
        ("/etc/systemd/system/work.service", WORK),
        ("/etc/systemd/system/backup.service", WORK.split("[Install]", maxsplit=1)[0]),
        ("/etc/systemd/system/backup.timer", BACKUP),
        ("/etc/systemd/system/secondsite-agent.service.d/trial.conf", AGENT),
    ):
        host.write(path, text)
    host.must("systemctl", "enable", "work.service", "backup.timer")
    install(host, agents, "--fence")
    return why


def install(host, agents, fence, name="127.0.0.1"):
    host.must(
        "/root/secondsite-agent", "install", fence, "--hardware", HARDWARE, "--appliance",
        f"{name}:{agents.port}", agents.new_key(agent_id=known(agents)),
    )  # fmt: skip


def known(agents):
    found = agents.known()
    return found[0].agent_id if found else None


def is_active(host, unit):
    return host.run("systemctl", "is-active", unit).stdout.strip() == "active"


def hello(agents):
    [found] = agents.known()
    return found.hello if found.connected else {}


def test_it_boots_as_ever_unless_it_was_failed_over_and_then_waits_for_a_person(host, agents, fenced):
    host.reboot()
    eventually(lambda: is_active(host, "work.service") and hello(agents), support.PATIENCE)
    assert "fenced" not in hello(agents)
    fenced[0] = RUNS_ELSEWHERE
    host.reboot()
    eventually(lambda: hello(agents).get("fenced"), support.PATIENCE)
    eventually(lambda: is_active(host, "secondsite-fenced.target"), support.PATIENCE)
    assert not is_active(host, "work.service")
    assert not is_active(host, "backup.timer")
    assert "This machine is fenced: it was failed over" in host.must("cat", "/run/motd.d/50-secondsite")
    assert "secondsite-agent unfence" in host.must("cat", "/run/issue.d/50-secondsite.issue")
    said = host.must("/usr/local/sbin/secondsite-agent", "unfence")
    assert "switch its copy at the other site off" in said
    eventually(lambda: is_active(host, "work.service") and is_active(host, "backup.timer"), support.PATIENCE)
    eventually(lambda: hello(agents) and "fenced" not in hello(agents), support.PATIENCE)
    assert not host.path("/run/motd.d/50-secondsite").exists()
    assert host.must("systemctl", "get-default").strip() != "secondsite-fence.target"


def test_a_fence_begins_with_the_next_boot(host, agents, fenced):
    """Services that were started anew on a machine that works were skipped."""
    for _ in range(2):  # an upgrade as well
        host.must("systemctl", "restart", "work.service")
        assert is_active(host, "work.service")
        host.must("systemctl", "daemon-reload")
        install(host, agents, "--fence=stay")
    fenced[0] = RUNS_ELSEWHERE
    host.reboot()
    eventually(lambda: hello(agents).get("fenced"), support.PATIENCE)
    assert not is_active(host, "work.service")
    install(host, agents, "--fence=start")
    eventually(lambda: hello(agents).get("fenced"), support.PATIENCE)
    host.run("systemctl", "restart", "work.service")
    assert not is_active(host, "work.service")


@pytest.mark.parametrize("signal", ["KILL", "TERM"])
@pytest.mark.parametrize("unanswered", ["start", "stay"])
def test_one_that_is_ended_while_it_opens_is_opened_all_the_same(host, agents, fenced, unanswered, signal):
    install(host, agents, f"--fence={unanswered}")
    slow = "/etc/systemd/system-generators/slow"
    host.write(slow, "#!/bin/sh\ntouch /run/generators-ran\nsleep 5\n")
    host.must("chmod", "755", slow)
    host.reboot()
    eventually(host.path("/run/secondsite-agent/boot-is-open").exists, support.PATIENCE)
    host.must("pkill", f"-{signal}", "-f", "secondsite-agent fence")
    eventually(lambda: is_active(host, "work.service"), support.PATIENCE)
    eventually(host.path("/run/secondsite-agent/boot-was-opened").exists, support.PATIENCE)
    eventually(lambda: hello(agents) and "fenced" not in hello(agents), support.PATIENCE)


@pytest.mark.parametrize("again", [("restart", "secondsite-fence.service"), ("default",)])
def test_once_told_it_opens_nothing_although_nobody_answers_later(host, agents, fenced, again):
    fenced[0] = RUNS_ELSEWHERE
    host.write(TRIAL, HURRIED.format(unanswered="start"))
    host.reboot()
    eventually(host.path("/run/secondsite-agent/fenced").exists, support.PATIENCE)
    eventually(lambda: waits_no_more(host), support.PATIENCE)
    asked = []
    agents.answer_fences(lambda agent_id, product: asked.append(agent_id))  # nobody knows
    host.must("systemctl", "--no-block", *again)
    eventually(lambda: len(asked) > 1, support.PATIENCE)
    eventually(lambda: hello(agents).get("fenced"), support.PATIENCE)
    told = "/run/motd.d/50-secondsite"
    eventually(lambda: "runs at the other site" in host.run("cat", told).stdout, support.PATIENCE)
    assert not host.path("/run/secondsite-agent/boot-is-open").exists()
    assert not is_active(host, "work.service")
    agents.answer_fences(lambda agent_id, product: "")
    eventually(lambda: is_active(host, "work.service"), support.PATIENCE)


def test_who_unfences_while_it_is_asked_on_keeps_what_they_have(host, agents, fenced):
    install(host, agents, "--fence=stay")
    host.write(TRIAL, HURRIED.format(unanswered="stay"))
    host.write("/etc/systemd/system/wg-quick@.service", WORK)
    host.must("systemctl", "enable", "wg-quick@wg0.service")
    agents.answer_fences(lambda agent_id, product: None)
    host.reboot()
    eventually(host.path("/run/secondsite-agent/fenced").exists, support.PATIENCE)
    host.must("/usr/local/sbin/secondsite-agent", "unfence")
    eventually(lambda: is_active(host, "wg-quick@wg0.service"), support.PATIENCE)
    agents.answer_fences(lambda agent_id, product: RUNS_ELSEWHERE)
    eventually(lambda: waits_no_more(host), support.PATIENCE)
    assert is_active(host, "wg-quick@wg0.service")
    assert is_active(host, "work.service")
    assert not host.path("/run/motd.d/50-secondsite").exists()


def test_its_appliance_lets_it_go_on_once_it_may(host, agents, fenced):
    """Also on a machine where it takes longer than the agent needs to notice."""
    slow = "/etc/systemd/system-generators/slow"
    host.write(slow, "#!/bin/sh\nsleep 5\n")
    host.must("chmod", "755", slow)
    fenced[0] = RUNS_ELSEWHERE
    host.reboot()
    eventually(lambda: hello(agents).get("fenced"), support.PATIENCE)
    agents.ask(known(agents), "unfence", 60.0)
    eventually(lambda: is_active(host, "work.service"), support.PATIENCE)
    eventually(lambda: hello(agents) and "fenced" not in hello(agents), support.PATIENCE)


def test_without_an_answer_it_starts_or_stays_as_its_owner_wants(host, agents, fenced):
    for unanswered in ("start", "stay"):
        install(host, agents, f"--fence={unanswered}")
        unit = host.must("cat", "/etc/systemd/system/secondsite-fence.service")
        assert f"--unanswered {unanswered}" in unit
    trial = "/etc/systemd/system/secondsite-fence.service.d/trial.conf"
    agents.answer_fences(lambda agent_id, product: None)
    host.write(trial, HURRIED.format(unanswered="start"))
    host.reboot()
    eventually(lambda: is_active(host, "work.service"), support.PATIENCE)
    host.write(trial, HURRIED.format(unanswered="stay"))
    host.reboot()
    eventually(lambda: is_active(host, "secondsite-fenced.target"), support.PATIENCE)
    assert "nobody said within 3s" in host.must("cat", "/run/motd.d/50-secondsite")
    assert not is_active(host, "work.service")
    host.must("pkill", "-9", "-f", "secondsite-agent fence")
    agents.answer_fences(lambda agent_id, product: "")
    eventually(lambda: is_active(host, "work.service"), support.PATIENCE)
    eventually(lambda: hello(agents) and "fenced" not in hello(agents), support.PATIENCE)


FAILS = """[Service]
ExecStart=
ExecStart=/bin/sh -c "{how}"
"""
ENDS = {"it fails": "exit 2", "something ends it": "kill -TERM $$$$"}
"""For systemd what SIGTERM ended did well."""
TRIAL = "/etc/systemd/system/secondsite-fence.service.d/trial.conf"


@pytest.mark.parametrize("how", ENDS.values(), ids=ENDS)
def test_one_whose_program_fails_and_that_is_to_stay_says_so(host, agents, fenced, how):
    install(host, agents, "--fence=stay")
    host.write(TRIAL, FAILS.format(how=how))
    host.reboot()
    eventually(lambda: hello(agents).get("fenced"), support.PATIENCE)
    assert not is_active(host, "work.service")
    assert "failed, or was stopped (journalctl" in host.must("cat", "/run/motd.d/50-secondsite")
    host.must("/usr/local/sbin/secondsite-agent", "unfence")
    eventually(lambda: is_active(host, "work.service"), support.PATIENCE)
    eventually(lambda: hello(agents) and "fenced" not in hello(agents), support.PATIENCE)


def test_one_whose_program_is_ended_is_opened_unless_it_is_to_stay(host, agents, fenced):
    host.write(TRIAL, FAILS.format(how=ENDS["something ends it"]))
    host.reboot()
    eventually(lambda: is_active(host, "work.service"), support.PATIENCE)


def test_whoever_stops_the_one_that_asks_opens_nothing(host, agents, fenced):
    """As `systemctl rescue` and `isolate multi-user.target` do. It counted as one that works."""
    host.write(TRIAL, FAILS.format(how="exec sleep infinity"))
    host.reboot()
    eventually(lambda: is_active(host, "secondsite-fence.service"), support.PATIENCE)
    host.must("systemctl", "stop", "secondsite-fence.service")
    eventually(lambda: waits_no_more(host), support.PATIENCE)
    assert not host.path("/run/secondsite-agent/boot-is-open").exists()
    assert not is_active(host, "work.service")
    assert "or was stopped" in host.must("cat", "/run/motd.d/50-secondsite")
    host.must("systemctl", "start", "secondsite-agent.service")
    eventually(lambda: hello(agents).get("fenced"), support.PATIENCE)
    agents.ask(known(agents), "unfence", 60.0)
    eventually(lambda: is_active(host, "work.service"), support.PATIENCE)


@pytest.mark.parametrize("default", ["a link", "in /usr", "a file"])
def test_one_whose_systemd_refuses_to_read_its_units_anew_is_opened_all_the_same(
    host, agents, fenced, default
):
    """It does with less than 16 MiB free in /run, which is small where there is little memory. Debian has its
    default target in /usr alone."""
    if default != "a link":
        host.path("/etc/systemd/system/default.target").unlink()
    if default == "a file":
        host.write("/etc/systemd/system/default.target", OWN_DEFAULT)
    host.write("/etc/systemd/system/fills.service", FILLS)
    host.must("systemctl", "enable", "fills.service")
    host.reboot()
    eventually(lambda: is_active(host, "work.service"), 2 * support.PATIENCE)
    assert "not enough space" in host.run("systemctl", "daemon-reload").stderr
    eventually(host.path("/run/secondsite-agent/boot-was-opened").exists, support.PATIENCE)
    eventually(lambda: are_active(host, "multi-user.target", "timers.target"), support.PATIENCE)


OWN_DEFAULT = """[Unit]
Requires=multi-user.target
After=multi-user.target
AllowIsolate=yes
"""
FILLS = """[Unit]
DefaultDependencies=no
Before=sysinit.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c "mount -o remount,size=12M /run"
[Install]
WantedBy=sysinit.target
"""


def test_one_that_cannot_be_opened_is_not_called_open(host, agents, fenced):
    """Its note was left behind, empty: a cancel that was repeated succeeded, and nothing ran anywhere."""
    fenced[0] = RUNS_ELSEWHERE
    host.reboot()
    eventually(lambda: hello(agents).get("fenced"), support.PATIENCE)
    slow = "/etc/secondsite-agent/open-boot"
    host.must("mv", slow, f"{slow}.kept")
    host.write(slow, "#!/bin/sh\nexit 1\n")
    host.must("chmod", "755", slow)
    with pytest.raises(FabricError):
        agents.ask(known(agents), "unfence", 60.0)
    host.must("systemctl", "restart", "secondsite-agent.service")
    eventually(lambda: hello(agents).get("fenced"), support.PATIENCE)
    host.must("mv", f"{slow}.kept", slow)
    agents.ask(known(agents), "unfence", 60.0)
    eventually(lambda: is_active(host, "work.service"), support.PATIENCE)
    eventually(lambda: hello(agents) and "fenced" not in hello(agents), support.PATIENCE)


def test_one_of_which_nobody_said_anything_is_not_closed_for_good(host, agents, fenced):
    """Whoever stopped the program, or changed what is to be done, had a machine that never started."""
    install(host, agents, "--fence=stay")
    host.write(TRIAL, HURRIED.format(unanswered="stay"))
    agents.answer_fences(lambda agent_id, product: None)
    host.reboot()
    eventually(lambda: is_active(host, "secondsite-fenced.target"), support.PATIENCE)
    host.write(TRIAL, HURRIED.format(unanswered="start"))
    host.must("systemctl", "daemon-reload")
    host.must("systemctl", "stop", "secondsite-fence.service")
    host.must("systemctl", "start", "secondsite-fence.service")
    eventually(lambda: is_active(host, "work.service"), support.PATIENCE)


def test_one_that_was_told_stays_closed_although_a_tunnel_or_a_terminal_takes_long(host, agents, fenced):
    host.write(
        "/etc/systemd/system/wg-quick@.service",
        WORK.replace("[Install]", "ExecStop=/bin/sleep 30\n[Install]"),
    )
    host.must("systemctl", "enable", "wg-quick@wg0.service")
    host.write("/usr/local/bin/wall", "#!/bin/sh\nexec sleep 9\n")
    host.must("chmod", "755", "/usr/local/bin/wall")
    fenced[0] = RUNS_ELSEWHERE
    host.reboot()
    eventually(host.path("/run/secondsite-agent/fenced").exists, support.PATIENCE)
    host.run("pkill", "-9", "-f", "secondsite-agent fence")
    eventually(lambda: hello(agents).get("fenced"), support.PATIENCE)
    eventually(lambda: is_active(host, "systemd-logind.service"), support.PATIENCE)
    assert not is_active(host, "work.service")


def test_who_opens_one_whose_program_is_yet_to_be_tried_again_is_told_no_more(host, agents, fenced):
    install(host, agents, "--fence=stay")
    host.write(TRIAL, FAILS.format(how="exit 2"))
    host.reboot()
    eventually(host.path("/run/secondsite-agent/fenced").exists, support.PATIENCE)
    host.must("/usr/local/sbin/secondsite-agent", "unfence")
    eventually(lambda: is_active(host, "work.service"), support.PATIENCE)
    tried = int(restarts(host))
    eventually(lambda: not is_active(host, "secondsite-fence.service"), support.PATIENCE)
    eventually(lambda: waits_no_more(host) or int(restarts(host)) > tried + 1, support.PATIENCE)
    assert not host.path("/run/motd.d/50-secondsite").exists()
    assert not host.path("/run/secondsite-agent/fenced").exists()


def restarts(host):
    return host.must(
        "systemctl", "show", "--value", "--property=NRestarts", "secondsite-fence.service"
    ).strip()


def waits_no_more(host):
    state = host.must("systemctl", "show", "--value", "--property=SubState", "secondsite-fence.service")
    return state.strip() in ("dead", "failed")


FIREWALL = """[Unit]
Before=network-pre.target
Wants=network-pre.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sleep 2
[Install]
WantedBy=multi-user.target
"""
"""As firewalld and others have it, which are not named here."""
NETWORK = WORK.replace("[Service]", "[Unit]\nAfter=network-pre.target\nBefore=network.target\n[Service]")


def entered(host, unit):
    """When it was active, in microseconds of the machine's clock; 0 if never."""
    said = host.must("systemctl", "show", "--value", "--property=ActiveEnterTimestampMonotonic", unit)
    return int(said.strip() or 0)


NAMES = {
    "own-rules": "Before=network-pre.target",
    "of-a-template@one": "Before=network-pre.target",
    "continued": "Before=network.target \\\n network-pre.target",
}


@pytest.mark.parametrize("why", ["", RUNS_ELSEWHERE])
def test_a_firewall_stands_before_the_network_whether_or_not_the_boot_opens(host, agents, fenced, why):
    for name, before in NAMES.items():
        file = name.partition("@")[0] + ("@" if "@" in name else "")
        text = FIREWALL.replace("Before=network-pre.target", before)
        host.write(f"/etc/systemd/system/{file}.service", text)
    host.write("/etc/systemd/system/connman.service", NETWORK)
    host.must("systemctl", "enable", *(f"{name}.service" for name in NAMES), "connman.service")
    fenced[0] = why
    host.reboot()
    eventually(lambda: hello(agents) and bool(hello(agents).get("fenced")) == bool(why), support.PATIENCE)
    for name in NAMES:
        assert 0 < entered(host, f"{name}.service") < entered(host, "connman.service"), name
    if why:
        assert entered(host, "work.service") == 0


def test_a_tunnel_is_there_to_ask_and_not_beside_that_of_the_copy(host, agents, fenced):
    """Its key is the copy's."""
    host.write("/etc/systemd/system/wg-quick@.service", WORK)
    host.must("systemctl", "enable", "wg-quick@wg0.service")
    fenced[0] = RUNS_ELSEWHERE
    host.reboot()
    eventually(lambda: hello(agents).get("fenced"), support.PATIENCE)
    assert entered(host, "wg-quick@wg0.service") > 0
    eventually(lambda: not is_active(host, "wg-quick@wg0.service"), support.PATIENCE)
    host.must("/usr/local/sbin/secondsite-agent", "unfence")
    eventually(lambda: is_active(host, "wg-quick@wg0.service"), support.PATIENCE)


def test_its_copy_on_other_hardware_boots_without_asking(host, agents, fenced):
    fenced[0] = RUNS_ELSEWHERE
    host.write(HARDWARE, "hardware-2\n")
    host.reboot()
    assert is_active(host, "work.service")
    assert not is_active(host, "secondsite-fenced.target")


def test_a_fence_that_is_taken_away_leaves_nothing(host, agents, fenced):
    fenced[0] = RUNS_ELSEWHERE
    install(host, agents, "--fence=no")
    host.reboot()
    eventually(lambda: is_active(host, "work.service"), support.PATIENCE)
    install(host, agents, "--fence")
    host.must("/usr/local/sbin/secondsite-agent", "remove")
    left = host.must("sh", "-c", "ls /etc/systemd/system /etc/systemd/system-generators")
    assert "secondsite-fence" not in left


def test_a_fence_is_not_taken_away_from_a_boot_that_it_holds(host, agents, fenced):
    """What somebody started by hand then worked beside the copy, and nobody was told."""
    fenced[0] = RUNS_ELSEWHERE
    host.reboot()
    eventually(lambda: hello(agents).get("fenced"), support.PATIENCE)
    program = "/usr/local/sbin/secondsite-agent"
    for words in (("install", "--fence=no"), ("remove",)):
        assert "which is not taken away from it" in host.run(program, *words).stderr
    host.run("systemctl", "start", "work.service")
    assert not is_active(host, "work.service")
    assert hello(agents).get("fenced")
    host.must(program, "unfence")
    eventually(lambda: is_active(host, "work.service"), support.PATIENCE)
    host.must(program, "install", "--fence=no")


def test_one_whose_fence_somebody_removed_by_hand_works_as_soon_as_its_services_do(host, agents, fenced):
    """It was told as fenced, and worked beside its copy; a fence that was installed after that held what was
    started anew on a machine that works."""
    fenced[0] = RUNS_ELSEWHERE
    host.reboot()
    eventually(lambda: hello(agents).get("fenced"), support.PATIENCE)
    host.must("rm", "/etc/systemd/system-generators/secondsite-fence")
    host.must("systemctl", "daemon-reload")
    host.must("systemctl", "--no-block", "default")
    eventually(lambda: is_active(host, "work.service"), support.PATIENCE)
    host.must("systemctl", "restart", "secondsite-agent.service")
    eventually(lambda: hello(agents) and "fenced" not in hello(agents), support.PATIENCE)
    install(host, agents, "--fence=stay")
    host.must("systemctl", "restart", "work.service", "secondsite-agent.service")
    assert is_active(host, "work.service")
    eventually(lambda: hello(agents) and "fenced" not in hello(agents), support.PATIENCE)


def test_one_whose_program_is_gone_boots_all_the_same(host, agents, fenced):
    host.must("rm", "/usr/local/sbin/secondsite-agent")
    host.reboot()
    eventually(lambda: is_active(host, "work.service"), support.PATIENCE)


def test_hardware_that_tells_no_number_cannot_have_one(host, agents, fenced):
    said = host.run("/root/secondsite-agent", "install", "--fence", "--hardware", "/nowhere")
    assert "it cannot have a fence" in said.stderr


def test_whoever_starts_the_target_of_its_services_gets_none_of_them(host, agents, fenced):
    """It counted as one that works, so a cancel did not open it."""
    fenced[0] = RUNS_ELSEWHERE
    host.reboot()
    eventually(lambda: hello(agents).get("fenced"), support.PATIENCE)
    host.must("systemctl", "start", "multi-user.target")
    assert not is_active(host, "work.service")
    host.must("systemctl", "restart", "secondsite-agent.service")
    eventually(lambda: hello(agents).get("fenced"), support.PATIENCE)
    for _ in range(4):  # what holds its services is made anew by each, and is not there for a moment
        host.must("systemctl", "daemon-reload")
    eventually(lambda: hello(agents).get("fenced"), support.PATIENCE)
    agents.ask(known(agents), "unfence", 60.0)
    eventually(lambda: is_active(host, "work.service"), support.PATIENCE)


def has_user_service(host):
    return host.run("pgrep", "-u", "4711", "sleep").returncode == 0


def test_what_is_wanted_by_the_default_target_or_by_a_user_waits_as_well(host, agents, fenced):
    for path, text in (
        ("/etc/passwd", host.path("/etc/passwd").read_text() + USER + "\n"),
        ("/etc/group", host.path("/etc/group").read_text() + "app:x:4711:\n"),
        ("/etc/shadow", host.path("/etc/shadow").read_text() + "app:*:19000:0:99999:7:::\n"),
        (f"{OF_A_USER}/own.service", PLAIN),
        ("/etc/systemd/system/plain.service", PLAIN),
        ("/var/lib/systemd/linger/app", ""),
    ):
        host.write(path, text)
    host.must("systemctl", "enable", "plain.service")
    host.must("mkdir", f"{OF_A_USER}/default.target.wants")
    host.must("ln", "-s", "../own.service", f"{OF_A_USER}/default.target.wants/own.service")
    host.must("chown", "-R", "app:", "/home/app")
    host.reboot()
    eventually(lambda: is_active(host, "plain.service") and has_user_service(host), support.PATIENCE)
    fenced[0] = RUNS_ELSEWHERE
    host.reboot()
    eventually(lambda: hello(agents).get("fenced"), support.PATIENCE)
    eventually(lambda: is_active(host, "systemd-logind.service"), support.PATIENCE)
    assert not is_active(host, "plain.service")
    assert not has_user_service(host)
    host.must("/usr/local/sbin/secondsite-agent", "unfence")
    eventually(lambda: is_active(host, "plain.service") and has_user_service(host), support.PATIENCE)


def test_a_name_that_is_not_known_yet_at_the_boot_leads_where_it_led(host, agents, fenced):
    host.write("/etc/hosts", "127.0.0.1 appliance.home.example\n")
    install(host, agents, "--fence", "appliance.home.example")
    eventually(lambda: hello(agents), support.PATIENCE)
    eventually(host.path("/var/lib/secondsite-agent/reached").exists, support.PATIENCE)
    host.write("/etc/hosts", "")
    fenced[0] = RUNS_ELSEWHERE
    host.reboot()
    eventually(lambda: is_active(host, "secondsite-fenced.target"), support.PATIENCE)
    assert "runs at the other site" in host.must("cat", "/run/motd.d/50-secondsite")
    eventually(lambda: hello(agents).get("fenced"), support.PATIENCE)


def test_a_network_that_nothing_waits_for_is_started_as_well(host, agents, fenced):
    """As systemd-networkd without its unit that waits."""
    wants = host.path("/etc/systemd/system/multi-user.target.wants/connman.service")
    host.write("/etc/systemd/system/connman.service", WORK)
    wants.symlink_to("/etc/systemd/system/connman.service")
    fenced[0] = RUNS_ELSEWHERE
    host.reboot()
    eventually(lambda: is_active(host, "secondsite-fenced.target"), support.PATIENCE)
    assert is_active(host, "connman.service")
    assert not is_active(host, "work.service")


def test_addresses_that_are_silent_take_no_time_from_the_one_that_answers(host, agents, fenced):
    with socket.create_server(("127.0.0.1", 0)) as first, socket.create_server(("127.0.0.1", 0)) as second:
        kept = host.path("/var/lib/secondsite-agent/appliance.json")
        appliance = json.loads(kept.read_text())
        silent = [f"127.0.0.1:{each.getsockname()[1]}" for each in (first, second)]
        kept.write_text(json.dumps(appliance | {"addresses": silent + appliance["addresses"]}))
        host.write(
            "/etc/systemd/system/secondsite-fence.service.d/trial.conf",
            HURRIED.format(unanswered="start").replace("3s", "9s"),
        )
        fenced[0] = RUNS_ELSEWHERE
        host.reboot()
        eventually(lambda: is_active(host, "secondsite-fenced.target"), support.PATIENCE)
        assert not is_active(host, "work.service")


QUADLET = """#!/bin/sh
for place in "$1" "$2" "$3"; do
    name=quadlet-${place##*/}.service
    printf '[Service]\\nExecStart=/bin/sleep infinity\\n' >"$place/$name"
    mkdir -p "$place/default.target.wants"
    ln -sf "../$name" "$place/default.target.wants/$name"
done
"""
WANTED_BY = ("network-online.target", "getty.target", "systemd-logind.service", "local-fs.target")
EARLY = """[Unit]
DefaultDependencies=no
Before=sysinit.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/true
[Install]
WantedBy=sysinit.target
"""


@pytest.fixture
def wanted(host, fenced):
    """Services that others want than the targets of a machine's work: all of those that it gives."""
    host.write("/etc/systemd/system-generators/quadlet", QUADLET)
    host.must("chmod", "755", "/etc/systemd/system-generators/quadlet")
    names = [f"quadlet-generator{which}.service" for which in ("", ".early", ".late")]
    for target in WANTED_BY:
        name = f"wanted-by-{target.split('.')[0]}.service"
        host.write(f"/etc/systemd/system/{name}", WORK.replace("multi-user.target", target))
        host.must("systemctl", "enable", name)
        names.append(name)
    host.write("/etc/systemd/system/early.service", EARLY)
    host.must("systemctl", "enable", "early.service")
    return [*names, "work.service"]


def active(host, units):
    return [each for each in units if is_active(host, each)]


def are_active(host, *units):
    return active(host, units) == [*units]


@pytest.mark.parametrize("boots_to", ["default.target", "multi-user.target"])
def test_whoever_wants_a_service_waits_for_the_answer(host, agents, fenced, wanted, boots_to):
    host.boots_to = boots_to
    host.reboot()
    eventually(lambda: active(host, wanted) == wanted, support.PATIENCE)
    assert is_active(host, "early.service")
    fenced[0] = RUNS_ELSEWHERE
    host.reboot()
    eventually(lambda: hello(agents).get("fenced"), support.PATIENCE)
    eventually(lambda: is_active(host, "secondsite-fenced.target"), support.PATIENCE)
    assert active(host, wanted) == []
    assert is_active(host, "early.service")
    eventually(lambda: is_active(host, "systemd-logind.service"), support.PATIENCE)
    host.must("/usr/local/sbin/secondsite-agent", "unfence")
    eventually(lambda: active(host, wanted) == wanted, support.PATIENCE)
    assert is_active(host, "multi-user.target")
    eventually(lambda: hello(agents) and "fenced" not in hello(agents), support.PATIENCE)


def generated(host, words):
    """What the generator makes of a boot with these words for the kernel."""
    host.must(
        "unshare", "--mount", "sh", "-euc",
        "rm -rf /root/g; mkdir -p /root/g; printf %s \"$1\" | tr ' ' '\\0' >/root/words; "
        "mount --bind /root/words /proc/1/cmdline; "
        "/etc/systemd/system-generators/secondsite-fence /root/n /root/g /root/l",
        "sh", words,
    )  # fmt: skip
    return set(host.must("ls", "/root/g").split())


def test_a_boot_that_is_led_elsewhere_is_held_there_but_not_one_that_mends(host, agents, fenced):
    host.must("rm", "-f", "/run/secondsite-agent/boot-is-open")
    for words, target in (
        ("init 3", "multi-user.target"), ("init 5", "graphical.target"),
        ("init systemd.unit=mine.target", "mine.target"), ("init", "default.target"),
        ("init systemd.unit=../x", "default.target"), ("init *", "default.target"),
    ):  # fmt: skip
        found = generated(host, words)
        assert {target, "default.target", "service.d"} <= found, words
        led = host.run("cat", "/root/g/secondsite-leads-to").stdout.strip()
        assert led == ("" if target == "default.target" else target)
    for words in (
        "init single", "init systemd.unit=rescue.target", "init emergency", "init -b",
        "init systemd.unit=poweroff.target", "init systemd.unit=work.service",
    ):  # fmt: skip
        found = generated(host, words)
        assert "default.target" in found
        assert not found & {
            "rescue.target",
            "emergency.target",
            "poweroff.target",
            "work.service",
            "service.d",
        }
    host.write("/run/secondsite-agent/fenced", "it was failed over\n")
    assert "service.d" in generated(host, "init systemd.unit=rescue.target"), (
        "it was asked from there, and told"
    )
    host.must("rm", "/run/secondsite-agent/fenced")
    assert generated(host, "init secondsite.fence=off") == set()
    assert generated(host, "init systemd.mask=secondsite-fence.service") == set()


def held_by(host, unit):
    """What is written for a unit while the boot is not open."""
    shown = host.run("systemctl", "show", "--property", "DropInPaths", "--value", unit).stdout.split()
    return [host.must("cat", each) for each in shown if each.endswith("/zz-secondsite.conf")]


def test_what_a_boot_and_a_login_need_is_not_held(host, agents, fenced):
    """Also what only a generator knows, as systemd-cryptsetup's."""
    host.write("/etc/systemd/system/systemd-cryptsetup@.service", WORK)
    fenced[0] = RUNS_ELSEWHERE
    host.reboot()
    eventually(lambda: is_active(host, "secondsite-fenced.target"), support.PATIENCE)
    for unit in (
        "systemd-fsck@a.service", "systemd-cryptsetup@a.service", "systemd-logind.service",
        "getty@tty1.service", "systemd-networkd.service", "emergency.service", "rescue.service",
        "secondsite-agent.service",
    ):  # fmt: skip
        assert held_by(host, unit) == [""], unit
    for unit in ("user@0.service", "work.service"):
        assert "boot-is-open" in held_by(host, unit)[0]


def test_nothing_opens_one_that_was_failed_over_although_a_step_fails(host, agents, fenced):
    host.must("ln", "-sf", "/dev/null", "/etc/systemd/system/secondsite-fenced.target")
    fenced[0] = RUNS_ELSEWHERE
    host.reboot()
    eventually(lambda: hello(agents).get("fenced"), support.PATIENCE)
    state = ("systemctl", "is-failed", "secondsite-fence.service")
    eventually(lambda: host.run(*state).stdout.strip() == "failed", support.PATIENCE)
    assert not is_active(host, "work.service")
    assert not is_active(host, "multi-user.target")
    eventually(lambda: is_active(host, "systemd-logind.service"), support.PATIENCE)
    agents.ask(known(agents), "unfence", 60.0)
    eventually(lambda: is_active(host, "work.service"), support.PATIENCE)


def test_one_whose_fence_somebody_masked_boots_as_ever(host, agents, fenced):
    host.must("ln", "-sf", "/dev/null", "/etc/systemd/system/secondsite-fence.service")
    fenced[0] = RUNS_ELSEWHERE
    host.reboot()
    eventually(lambda: is_active(host, "work.service"), support.PATIENCE)
    assert not is_active(host, "secondsite-fence.target")
