"""A failover while the line to the first site is silent, not closed: packets are lost, and nobody says so.
The order to fence is given up; it is given again when the line speaks."""

import contextlib

import pytest

from rig.eventually import eventually
from tests.e2e.installed.support_life import AWAY, MARKS, NAME, PROTECTED, WAYS

pytestmark = [*MARKS, pytest.mark.every(by="all")]
CONTROL_PORT = "8444"
RULES = (("OUTPUT", "--dport"), ("INPUT", "--sport"))


@contextlib.contextmanager
def _silence(host):
    """Nothing that host and vault say to each other arrives."""
    for chain, port in RULES:
        host.must("iptables", "-I", chain, "-p", "tcp", port, CONTROL_PORT, "-j", "DROP")
    try:
        yield
    finally:
        for chain, port in RULES:
            host.must("iptables", "-D", chain, "-p", "tcp", port, CONTROL_PORT, "-j", "DROP")


def test_a_copy_whose_site_could_not_be_told_of_the_failover_is_fenced_once_it_can(life):
    """It was off: no cycle of it was refused, from which its appliance would have learnt it."""
    life.go_to(PROTECTED)
    host = life.rig.hosts["a"]
    host.must("virsh", "destroy", NAME)
    life.rig.new_points(NAME, within_seconds=240)
    with _silence(host):
        life.rig.must(*WAYS[PROTECTED])
    assert life.state() == AWAY
    eventually(lambda: NAME not in host.must("virsh", "list", "--all", "--autostart", "--name").split(), 60)
    started = host.run("virsh", "start", NAME)
    assert started.returncode != 0, "the old copy was started while the machine runs at site b"
    life.lives()
