"""A new vault adopts what an appliance has of a vault that is gone: real vaults, real appliances, simulated hosts."""

import pytest

from secondsite.domain.lifecycle import State
from tests.vault.adoption.support_adoption import ends, states

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def test_machines_points_policies_and_plans_of_a_lost_vault_are_there_again(bereft):
    would = bereft.adopt(dry_run=True)
    assert ends(would) == {"web01": "adopted", "db01": "adopted"}
    assert bereft.record() is None, "a dry run adopted it"
    done = bereft.adopt()
    assert states(done) == {"web01": "protected", "db01": "protected"}
    found = bereft.machine()
    assert (found.policy, found.target_site, found.source_site) == ("quick", "b", "a")
    assert [each.name for each in bereft.facade.plans.list().items] == ["shop"]


def test_what_is_adopted_again_is_here_already(bereft):
    bereft.adopt()
    before = bereft.record()
    assert ends(bereft.adopt()) == {"web01": "here", "db01": "here"}
    assert bereft.record() == before


def test_an_adopted_machine_is_failed_over_and_committed(bereft):
    bereft.adopt()
    bereft.run("failover", "web01")
    bereft.run("commit", "web01")
    assert bereft.machine().state is State.COMMITTED
