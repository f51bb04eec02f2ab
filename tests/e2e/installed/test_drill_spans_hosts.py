"""A drill of a plan whose machines lie at three hosts, as installed: they get their addresses, reach each
other by name and nothing else; a host is lost and comes back; nothing of it stays."""

import re

import pytest

import guestkit
from rig.eventually import eventually
from rig.installed import Installed
from secondsite.domain.lifecycle import Verb
from secondsite.fabrics.libvirt.host.serving import tunnels
from secondsite.wire import rest
from tests.e2e.installed.support_life import IN_TURN, MARKS, protection
from tests.support import policies

pytestmark = [*MARKS, IN_TURN]
PLAN, SUBNET, SERVER = "shop", "10.9.8.0/24", "10.9.8.1"
HOSTS = {"web01": "b", "app01": "b2", "db01": "b3"}
SECONDS = 240


def others(name):
    return [each for each in HOSTS if each != name]


@pytest.fixture(scope="module")
def rig():
    with Installed() as rig:
        rig.open()
        for host in ("b2", "b3"):
            rig.add_host(host)
            rig.give_appliance(host)
        for host in HOSTS.values():
            rig.let_span(host)
        rig.wait_connected()
        outside = [SERVER, *map(rig.segment, HOSTS.values())]
        with rig.client() as vault:
            vault.policies.create(**policies.quick().model_dump())
        for name in HOSTS:
            looks_for = (*others(name), *outside)
            workload = guestkit.Workload(records_per_second=2, address="dhcp", looks_for=looks_for)
            rig.make_guest(name, workload=workload)
        for name, host in HOSTS.items():
            at = protection(name).model_copy(update={"target_appliance": f"appliance-{host}"})
            rig.must(Verb.ENABLE_PROTECTION, at)
            rig.new_points(name, within_seconds=SECONDS)  # three guests boot on two processors
            rig.virsh("a", "destroy", name)  # this machine has two processors
        with rig.client() as vault:
            vault.plans.create(PLAN, [rest.PlanGroupChange(machines=tuple(HOSTS))])
        eventually(lambda: segments(rig) == dict.fromkeys(HOSTS.values(), (1500, None)), SECONDS)
        yield rig


def segments(rig):
    with rig.client() as vault:
        found = {each.name.removeprefix("appliance-"): each.capacity for each in vault.appliances.list("b")}
    return {
        host: (has.segment.mtu, has.segment.problem)
        for host, has in found.items()
        if has is not None and has.segment is not None
    }


def drill(rig):
    with rig.client() as vault:
        asked = rest.TestFailover(machines=("any",), network="create", subnet=SUBNET)
        options = asked.model_dump(mode="json", exclude_defaults=True, exclude={"machines"})
        started = vault.plans[PLAN].run(Verb.TEST_FAILOVER, options)
    job = rig.wait_for_job(started.id, SECONDS)
    assert job.state == "succeeded", rig.describe(job)
    return job


def clean_up(rig):
    rig.must(Verb.CLEANUP_TEST_FAILOVER, rest.CleanupTestFailover(machines=tuple(HOSTS)))


def console(rig, name):
    return rig.console(HOSTS[name], f"{name}-test")


def left(rig, host):
    """What a host has of networks of drills: tunnels and rules, and libvirt's networks."""
    at = rig.hosts[host]
    links = re.findall(r"ss[a-z]-[0-9a-f]+", at.must("ip", "-o", "link", "show"))
    tables = re.findall(r"secondsite-\S+", at.must("nft", "list", "tables"))
    return sorted({*links, *tables, *at.must("virsh", "net-list", "--all", "--name").split()} - {"default"})


def test_they_reach_each_other_by_name_and_nothing_outside(rig):
    drill(rig)
    for name in HOSTS:
        for other in others(name):
            assert f"REACHES {other}" in console(rig, name).wait_for(f"REACHES {other}", SECONDS).text
        for outside in (SERVER, *map(rig.segment, HOSTS.values())):
            assert f"MISSES {outside}" in console(rig, name).wait_for(f"MISSES {outside}", SECONDS).text
    addresses = {name: re.findall(r"ADDRESS ([0-9.]+)/24", console(rig, name).text)[0] for name in HOSTS}
    assert len(set(addresses.values())) == 3
    for host in HOSTS.values():
        (network,) = [each for each in left(rig, host) if each.startswith("ss-")]
        assert tunnels.device(network) in left(rig, host)
        told = rig.hosts[host].must("cat", f"/var/lib/libvirt/dnsmasq/{network}.conf")
        assert "dhcp-option=option:mtu,1450" in told


def test_a_host_that_is_lost_and_comes_back_has_it_again_and_the_others_miss_nothing(rig):
    lost, stays = HOSTS["db01"], HOSTS["app01"]
    before = {host: left(rig, host) for host in (lost, stays)}
    rig.hosts[lost].cut_power()
    assert left(rig, stays) == before[stays]
    rig.appliances[lost].start()
    eventually(lambda: left(rig, lost) == before[lost], SECONDS)
    rig.wait_connected()


def test_after_a_kill_of_the_appliance_it_is_whole_again(rig):
    host = HOSTS["web01"]
    before = left(rig, host)
    rig.appliances[host].kill()
    rig.hosts[host].must("nft", "flush", "ruleset")
    (tunnel,) = {each for each in before if each.startswith("ssv-")}
    rig.hosts[host].must("ip", "link", "delete", "dev", tunnel)
    rig.appliances[host].start()
    eventually(lambda: left(rig, host) == before, SECONDS)
    rig.wait_connected()


def test_nothing_of_it_stays(rig):
    clean_up(rig)
    assert {host: left(rig, host) for host in HOSTS.values()} == {host: [] for host in HOSTS.values()}


def test_without_the_right_to_it_the_vault_says_what_to_install(rig):
    host = HOSTS["db01"]
    rig.hosts[host].must("rm", "/etc/systemd/system/secondsite-appliance.service.d/segment.conf")
    rig.hosts[host].must("systemctl", "daemon-reload")
    rig.hosts[host].must("systemctl", "restart", "secondsite-appliance")
    eventually(lambda: segments(rig)[host][1], SECONDS)
    assert "may not change the host's network" in str(segments(rig)[host][1])
    with rig.client() as vault:
        preview = vault.plans[PLAN].preview(Verb.TEST_FAILOVER)
    (warning,) = [each for each in preview.warnings if "drilled apart" in each]
    assert "secondsite-appliance-segment.conf" in warning
