"""A whole Debian has the address of its second site there, after two reboots too, whichever program of
Debian's configures its network; at home its files are as they were, to the byte."""

import contextlib
import shutil
import tempfile
import uuid
from pathlib import Path

import pytest

import guestkit
from guestkit import configured, systems
from rig import Rig, machines
from rig.eventually import eventually
from tests.e2e import support_e2e as e2e
from tests.e2e.networks.support_addresses import answers_beside, proof
from tests.support import command_line, policies

pytestmark = [
    pytest.mark.guest,
    pytest.mark.slow,
    pytest.mark.every(by="all"),
    pytest.mark.longest,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(not systems.is_possible(), reason="needs root and debootstrap"),
]
HOME, AWAY, GATEWAY, SERVER = configured.ADDRESS, "10.2.0.5", "10.2.0.1", "10.2.0.2"
ROUTE = "10.77.0.0/16 via 10.2.0.9"
UP_SECONDS, REBOOTS = 600, 2
FOLDERS = "/etc/network /etc/netplan /etc/NetworkManager /etc/systemd/network /var/lib/secondsite"
FILES = f"find {FOLDERS} -type f -exec stat -c '%n %a %u' {{}} + -exec sha256sum {{}} + 2> /dev/null | sort"
SERVERS = "resolvectl dns eth0 2> /dev/null || cat /etc/resolv.conf"
BOOTED = "cat /proc/sys/kernel/random/boot_id"


class System:
    """The machine, of which each question is asked where it runs."""

    def __init__(self, rig):
        self.rig, self.site = rig, "a"

    def inside(self, line):
        return e2e.ask(self.rig, self.site, "said_in_guest", name="web01", line=line)

    def has(self):
        """Its IPv4 addresses, its gateway, and where it looks for names."""
        own = self.inside("ip -4 -o address show dev eth0 | tr -s ' ' | cut -d ' ' -f 4").split()
        gateways = self.inside("ip -4 route show default").split()[2:3]
        return own, gateways, [each for each in (HOME_SERVER, SERVER) if each in self.inside(SERVERS)]

    def comes_to_have(self, *wanted):
        eventually(lambda: self._now(wanted), UP_SECONDS)

    def _now(self, wanted):
        try:
            return self.has() == wanted
        except (AssertionError, OSError):  # it boots
            return False

    def reboot(self):
        before = self.inside(BOOTED)
        with contextlib.suppress(AssertionError, OSError):  # its agent may be gone before it answers
            self.inside("systemctl --no-block reboot")
        eventually(lambda: self._booted(before), UP_SECONDS)

    def _booted(self, before):
        try:
            return self.inside(BOOTED) != before
        except (AssertionError, OSError):
            return False


HOME_SERVER = configured.SERVER
AT_HOME = ([f"{HOME}/24"], [configured.GATEWAY], [HOME_SERVER])
IS_AWAY = ([f"{AWAY}/24"], [GATEWAY], [SERVER])


def make(rig, program):
    """The machine, at site a."""
    home = rig.home("appliance-a")
    folder = home / "machines" / "web01"
    folder.mkdir(parents=True)
    shutil.copy(configured.image(program), folder / "disk0.qcow2")
    xml = guestkit.domain_xml(
        "web01", str(uuid.uuid4()), configured.guest(), [folder / "disk0.qcow2"],
        [guestkit.Nic(rig.bridge("a"), "52:54:00:12:34:56")], folder / "console.log",
        memory_mib=configured.MEMORY_MIB,
    )  # fmt: skip
    (folder / "domain.xml").write_text(xml)
    uri = f"qemu:///embed?root={home / 'fabric'}"
    machines.define(uri, folder / "domain.xml", rig.appliances["a"].inside)


@pytest.fixture
def system(request):
    rig = Rig("libvirt", folder=Path(tempfile.mkdtemp(prefix="ss-", dir="/var/tmp")), forked=True)
    for site in ("a", "b"):
        e2e.command_through(rig, site)
    with rig:
        rig.open(furnish=lambda site: make(rig, request.param) if site == "a" else None)
        with rig.client() as vault:
            vault.policies.create(**policies.quick().model_dump())
        yield System(rig)


@pytest.mark.parametrize(
    ("system", "program", "back"),
    [(name, name, f"/{path}") for name, (path, *_) in configured.CONFIGURED.items()],
    indirect=["system"],
)
def test_its_address_is_right_after_two_reboots_and_at_home_all_is_as_it_was(system, program, back):
    rig = system.rig
    system.comes_to_have(*AT_HOME)
    before = system.inside(FILES)
    assert back in before
    command_line.do(rig, "enable-protection", "web01", "--source", "a", "--target", "b", "--policy", "quick")
    words = ("--address", f"{AWAY}/24", "--gateway", GATEWAY, "--dns", SERVER, "--route", ROUTE)
    command_line.told(rig, "card", "set", "web01", "net0", *words)

    job = command_line.do(rig, "planned-failover", "web01")
    system.site = "b"
    given = f"; eth0 {AWAY}/24, with routes to 10.77.0.0/16, set by its agent, and by {program} at each boot"
    assert proof(job).endswith(given)
    system.comes_to_have(*IS_AWAY)
    with answers_beside(rig, "b", HOME, AWAY) as asked:
        for _ in range(REBOOTS):
            system.reboot()
            system.comes_to_have(*IS_AWAY)
            assert ROUTE in system.inside("ip -4 route")
            eventually(lambda: asked(AWAY), 60)
            assert not asked(HOME)

    for verb in ("commit", "reprotect"):
        command_line.do(rig, verb, "web01")
    job = command_line.do(rig, "planned-failover", "web01")
    system.site = "a"
    assert "; put back as before: /etc/" in proof(job)
    system.comes_to_have(*AT_HOME)
    assert system.inside(FILES) == before
    system.reboot()
    system.comes_to_have(*AT_HOME)
    assert system.inside(FILES) == before
    with answers_beside(rig, "a", HOME, AWAY) as asked:
        eventually(lambda: asked(HOME), 60)
        assert not asked(AWAY)
