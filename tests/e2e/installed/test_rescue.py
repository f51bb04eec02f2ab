"""Vault and first site are without power: the second site's store alone starts the machine, under the
libvirt of its host."""

from rig.eventually import eventually
from tests.e2e.installed.support_life import IN_TURN, MARKS, NAME, PROTECTED

pytestmark = [*MARKS, IN_TURN]


def by_hand(rig, *words):
    done = rig.by_hand("b", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_store_alone_starts_it_under_the_host_s_libvirt(life):
    rig = life.go_to(PROTECTED).rig
    before = life.seen()
    rig.new_points(NAME, 2)
    rig.lose("a")
    rig.lose("vault")
    rig.appliances["b"].stop()
    console = rig.console("b", NAME)
    number = len(console.boots)
    assert "by libvirt (qemu:///system)" in by_hand(rig, "start", NAME)
    console = eventually(lambda: rig.console("b", NAME))
    boot = console.wait_for_boot(number + 1, within_seconds=120)
    assert boot.complaints == ()
    assert boot.verified_last >= before.record
    by_hand(rig, "stop", NAME)
    by_hand(rig, "discard", NAME, "--yes")
    for host in ("vault", "a"):
        rig.hosts[host].power_on()
    rig.appliances["b"].start()
    rig.wait_connected(120)
    life.is_well(before)
