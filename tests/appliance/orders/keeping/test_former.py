"""What a vault said lies in the store until a later one has adopted all that it said it of."""

import json

import pytest

from secondsite.appliance.orders.rescue_manifest import former_vault
from secondsite.rescue import CONFIGURATION, RECORD, trusted
from secondsite.wire.control.adopting import AdoptionSettings
from secondsite.wire.control.orders import Kind, RemoveReplica, StopReplication
from secondsite.wire.control.rescue_manifest import KeepRescueManifest
from tests.appliance.support_vault_said import said


@pytest.fixture
def two(pair):
    """A protected pair, and its target's way to be told, with what lies in its store then."""
    pair.protect().synchronized()

    def tell(keep):
        pair.target.do(Kind.KEEP, keep)
        return trusted(pair.target.config.store / CONFIGURATION)

    pair.tell = tell
    return pair


def names(body):
    found = former_vault.understood(body)["vault"]
    assert isinstance(found, AdoptionSettings)
    return {each.policy.name for each in found.policies}


def test_a_new_vault_that_knows_no_machine_takes_nothing_away(two):
    two.tell(said(two.machine_id))
    body = two.tell(said())
    assert (two.target.replica_folder(two.machine_id) / RECORD).exists()
    assert names(body) == {"quick"}
    assert [plan["name"] for plan in body["plans"]] == ["shop"], "rescue knows it no more"


@pytest.mark.parametrize("lay", ["nothing", "what an older vault kept"])
def test_where_no_vault_said_what_is_set_the_present_ones_word_is_not_taken_for_the_former_ones(two, lay):
    path = two.target.config.store / CONFIGURATION
    path.unlink(missing_ok=True)
    if lay != "nothing":
        two.tell(said(two.machine_id).model_copy(update={"vault": None, "records": ()}))
    for _ in range(2):
        body = two.tell(said(policy="slow"))
        assert former_vault.understood(body)["vault"] is None
    body = two.tell(said(two.machine_id, policy="slow"))
    assert former_vault.FORMER not in body
    assert names(body) == {"slow"}


def test_what_it_has_adopted_is_its_own_and_the_former_one_is_forgotten(two):
    two.tell(said(two.machine_id))
    two.tell(said())
    body = two.tell(said(two.machine_id, policy="slow", plans=()))
    assert names(body) == {"slow"}
    assert body["plans"] == []


def test_a_second_vault_that_is_lost_before_it_adopted_all_adds_to_what_the_first_said(two):
    two.tell(said(two.machine_id, "other"))
    two.tell(said(two.machine_id, policy="slow", plans=("web",)))
    body = two.tell(said())
    assert names(body) == {"quick", "slow"}
    assert {plan["name"] for plan in body["plans"]} == {"shop", "web"}
    again = two.tell(said())
    assert json.dumps(again) == json.dumps(body), "it grows by itself"


def test_what_ended_protections_leave_is_no_machine_of_any_vault(two):
    two.tell(said(two.machine_id))
    two.source.do(Kind.KEEP, said(two.machine_id, site="a"))
    record = two.source.config.store / "sources" / f"{two.machine_id}.json"
    assert record.exists()
    two.source.do(Kind.STOP_REPLICATION, StopReplication(forget=True, ended=True), two.machine_id)
    two.target.do(Kind.REMOVE_REPLICA, RemoveReplica(ended=True, keep_points=True), two.machine_id)
    assert not record.exists()
    assert (two.target.replica_folder(two.machine_id) / "points").exists()
    assert not (two.target.replica_folder(two.machine_id) / RECORD).exists()


def test_an_older_vault_takes_nothing_away_and_keeps_nothing(two):
    two.tell(said(two.machine_id))
    body = two.tell(KeepRescueManifest(site="b"))
    assert (two.target.replica_folder(two.machine_id) / RECORD).exists()
    assert "former" not in body
