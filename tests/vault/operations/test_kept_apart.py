"""A machine's word is changed after it was protected: its replica leaves a host where another one has that
word, if the hosts share a store; else the conflict is said, and nothing is changed."""

import pytest

from secondsite.domain import errors
from secondsite.domain.lifecycle import Verb
from secondsite.vault.facade.nouns.settings.properties import Properties
from secondsite.wire.rest.machine_settings import MachinePropertiesChange
from tests.vault.support_appliances import B
from tests.vault.support_operations import OTHER_B
from tests.vault.support_shared_stores import THIRD_B, at, has, parts, shared_stores


@pytest.fixture
def verbs():
    with shared_stores() as verbs:
        yield verbs


def keep_apart(verbs, name, word):
    return Properties(parts(verbs)).change(name, MachinePropertiesChange(apart=word))


def word(verbs, name):
    return Properties(parts(verbs)).show(name).apart


def test_halves_of_a_cluster_go_to_three_hosts_as_they_get_their_word(verbs):
    jobs = [keep_apart(verbs, each, "db").job_id for each in ("m00", "m01", "m02")]
    assert jobs[0] is None
    for job_id in jobs[1:]:
        assert verbs.settle(job_id).job.state == "succeeded"
    assert {at(verbs, each) for each in ("m00", "m01", "m02")} == {B, OTHER_B, THIRD_B}


def test_one_for_which_no_host_is_left_keeps_its_former_word(verbs):
    for each in ("m00", "m01", "m02"):
        keep_apart(verbs, each, "db")
        verbs.rest()
    keep_apart(verbs, "m03", "other")
    with pytest.raises(errors.NotPossibleNow, match=f"{OTHER_B}: m0. is there, from which it is kept apart"):
        keep_apart(verbs, "m03", "db")
    assert word(verbs, "m03") == "other"
    assert at(verbs, "m03") == B


def test_where_no_other_host_reaches_the_store_the_conflict_is_said_with_what_to_do(verbs):
    for each in (OTHER_B, THIRD_B):
        has(verbs, each, proven=("e" * 32,))
    keep_apart(verbs, "m00", "db")
    with pytest.raises(errors.NotPossibleNow, match="m00 is at the same host") as refused:
        keep_apart(verbs, "m01", "db")
    assert "secondsite machine disable-protection m01" in refused.value.do
    assert word(verbs, "m01") is None


def test_one_that_runs_there_is_not_moved(verbs):
    keep_apart(verbs, "m00", "db")
    assert verbs.run(Verb.FAILOVER, "m01").job.state == "succeeded"
    with pytest.raises(errors.NotPossibleNow, match="m00 is at the same host"):
        keep_apart(verbs, "m01", "db")


def test_a_word_that_is_taken_back_lets_machines_lie_beside_each_other_again(verbs):
    keep_apart(verbs, "m00", "db")
    verbs.settle(keep_apart(verbs, "m01", "db").job_id)
    keep_apart(verbs, "m01", None)
    assert verbs.run(Verb.MOVE_REPLICA, "m01", target_appliance=B).job.state == "succeeded"
    assert at(verbs, "m01") == B
