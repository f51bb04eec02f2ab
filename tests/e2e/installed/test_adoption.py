"""The vault's host is destroyed. A new vault on a new host adopts what both appliances have: the machine
runs on, is replicated on, and can be failed over."""

from tests.e2e.installed.support_life import AWAY, IN_TURN, MARKS, NAME, PROTECTED

pytestmark = [*MARKS, IN_TURN]


def test_a_new_vault_takes_over_the_machine_as_it_runs_with_its_points(life):
    rig = life.go_to(PROTECTED).rig
    before, qemu = life.seen(), rig.qemus(NAME)
    kept = {point.id for point in rig.new_points(NAME, 2)}
    rig.destroy_vault()
    rig.new_vault()
    for site in ("a", "b"):
        rig.appliances[site].stop()
        rig.enroll_again(site)
    rig.wait_connected(120)
    with rig.client() as vault:
        for site in ("b", "a"):
            vault.appliances[f"appliance-{site}"].adopt()
    assert rig.qemus(NAME) == qemu
    life.is_well(before)
    assert life.state() == PROTECTED
    assert kept <= {point.id for point in rig.points(NAME)}
    life.by_hand()
    life.go_to(AWAY)
