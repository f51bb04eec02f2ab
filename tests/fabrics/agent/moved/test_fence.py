"""A machine that was failed over, and has a fence, is switched on again: on a host with a systemd of its
own."""

import json
import shutil
import socket

import pytest

from rig.eventually import eventually
from rig.installed import Host, why_not
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


def test_one_whose_program_is_gone_boots_all_the_same(host, agents, fenced):
    host.must("rm", "/usr/local/sbin/secondsite-agent")
    host.reboot()
    eventually(lambda: is_active(host, "work.service"), support.PATIENCE)


def test_hardware_that_tells_no_number_cannot_have_one(host, agents, fenced):
    said = host.run("/root/secondsite-agent", "install", "--fence", "--hardware", "/nowhere")
    assert "it cannot have a fence" in said.stderr


def test_one_whose_services_a_person_has_started_says_so(host, agents, fenced):
    fenced[0] = RUNS_ELSEWHERE
    host.reboot()
    eventually(lambda: hello(agents).get("fenced"), support.PATIENCE)
    host.must("systemctl", "isolate", "multi-user.target")
    assert is_active(host, "work.service")
    eventually(lambda: hello(agents) and "fenced" not in hello(agents), support.PATIENCE)


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
