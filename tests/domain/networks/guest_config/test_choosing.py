"""What configures a card, by what its guest says."""

import pytest

from secondsite.domain.networks.guest_config import choosing
from secondsite.domain.networks.guest_config.card_plan import NotUnderstood
from secondsite.domain.networks.guest_config.choosing import Program, Told
from tests.domain.networks.guest_config.support_plans import plan

NETPLAN = {"/etc/netplan/a.yaml": "network: {ethernets: {eth0: {dhcp4: true}}}"}
OTHERS = {"/etc/netplan/a.yaml": "network: {ethernets: {eth1: {dhcp4: true}}}"}
INTERFACES = {"/etc/network/interfaces": "iface eth0 inet dhcp\n"}
NETWORK = "[Match]\nName=eth0\n"


@pytest.mark.parametrize(
    ("told", "program"),
    [
        (Told(netplan=NETPLAN, network_file=NETWORK), Program.NETPLAN),
        (Told(netplan=NETPLAN, connection="x", interfaces=INTERFACES), Program.NETPLAN),
        (Told(netplan=OTHERS, network_file=NETWORK, interfaces=INTERFACES), Program.NETWORKD),
        (Told(connection="x", network_file=NETWORK, interfaces=INTERFACES), Program.NETWORK_MANAGER),
        (Told(interfaces=INTERFACES), Program.IFUPDOWN),
    ],
)
def test_what_has_the_card_now_is_what_is_changed(told, program):
    assert choosing.change(plan(), told).program is program


def paths(told):
    return [each.path for each in choosing.change(plan(), told).files]


def test_where_no_program_writes_the_name_servers_they_are_written_as_well():
    found = choosing.change(
        plan(), Told(interfaces=INTERFACES, resolv_conf="search a\nnameserver 10.1.0.2\n")
    )
    assert [each.path for each in found.files] == ["/etc/network/interfaces", "/etc/resolv.conf"]
    assert found.files[1].content.splitlines()[1:] == ["nameserver 10.2.0.2", "search a"]
    again = choosing.change(plan(), Told(interfaces=INTERFACES, resolv_conf=found.files[1].content))
    assert again.files[1] == found.files[1]


def test_cloud_init_does_not_write_the_addresses_of_before_again():
    assert paths(Told(interfaces=INTERFACES, cloud_init=True))[-1].startswith("/etc/cloud/cloud.cfg.d/")
    assert len(paths(Told(interfaces=INTERFACES))) == 1


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (Told(), "none of NetworkManager, ifupdown, netplan, systemd-networkd configures eth0"),
        (Told(upper="br0", interfaces=INTERFACES), r"larger \(br0\)"),
        (Told(connection="x", other_files=True), "file of another kind"),
    ],
)
def test_a_card_that_none_of_them_has_is_named(told, why):
    with pytest.raises(NotUnderstood, match=why):
        choosing.change(plan(), told)
