"""What is advised about a finding is possible in the state that its machine is in, and can be typed as it
stands."""

import dataclasses
import re

import pytest

from secondsite.domain import advice
from secondsite.domain.lifecycle import DrillState, State, Verb, allowed_operations

OFF, MISSING, UNPROTECTED = "failed-over-machine-off", "failed-over-machine-missing", "not-protected"
TWO = "source-running-after-failover"
AT_TARGET = (State.FAILED_OVER, State.PLANNED_FAILED_OVER, State.COMMITTED)


def of(state, drill=DrillState.NONE, forgotten=False):
    return advice.AdvisedMachine("web01", "b", state, drill, "id-at-b", forgotten)


def first_verb(said):
    return Verb(re.findall(r"secondsite machine ([a-z-]+)", said)[0].replace("-", "_"))


@pytest.mark.parametrize("state", AT_TARGET)
@pytest.mark.parametrize("drill", [DrillState.NONE, DrillState.RUNNING])
@pytest.mark.parametrize("code", [UNPROTECTED, TWO])
def test_the_first_verb_that_a_finding_names_is_possible(state, drill, code):
    said = advice.advice(code, of(state, drill))
    assert first_verb(said) in allowed_operations(state, drill)
    assert "MACHINE" not in said


@pytest.mark.parametrize("state", [State.PROTECTED, State.FAILOVER_FAILED, State.CANCEL_FAILED])
def test_where_the_copy_at_home_may_be_the_only_one_nobody_is_told_to_stop_it_first(state):
    said = advice.advice(TWO, of(state))
    named = {Verb(each.replace("-", "_")) for each in re.findall(r"secondsite machine ([a-z-]+)", said)}
    assert named <= set(allowed_operations(state))
    assert said.startswith("Before you stop either copy, find out at both sites which one is in use")
    assert (Verb.CANCEL_FAILOVER in named) is (state is not State.PROTECTED)
    assert Verb.FAILOVER in named


@pytest.mark.parametrize("state", AT_TARGET)
def test_where_the_old_copy_is_the_only_one_that_runs_nobody_is_told_to_stop_it_first(state):
    said = advice.advice(TWO, dataclasses.replace(of(state), off=True))
    assert said.startswith("Do not stop it before you have decided which copy counts: at b web01 is off")
    assert said.index("'virsh start id-at-b'") < said.index("'virsh shutdown web01'")
    assert first_verb(said) is Verb.DISABLE_PROTECTION
    assert Verb.DISABLE_PROTECTION in allowed_operations(state, DrillState.NONE)


@pytest.mark.parametrize("state", sorted(advice.MOVES_BETWEEN))
def test_while_a_verb_moves_the_machine_neither_copy_is_to_be_stopped(state):
    assert advice.advice(TWO, of(state)).startswith("Stop neither: wait")


@pytest.mark.parametrize("state", AT_TARGET)
@pytest.mark.parametrize("code", [OFF, MISSING])
@pytest.mark.parametrize("forgotten", [False, True])
def test_of_a_machine_that_does_not_run_only_verbs_are_named_that_its_state_has(state, code, forgotten):
    said = advice.advice(code, of(state, forgotten=forgotten))
    named = {Verb(each.replace("-", "_")) for each in re.findall(r"secondsite machine ([a-z-]+)", said)}
    assert named <= set(allowed_operations(state))
    assert (Verb.CANCEL_FAILOVER in named) is (state is State.PLANNED_FAILED_OVER)
    assert "MACHINE" not in said


@pytest.mark.parametrize("state", AT_TARGET)
def test_a_machine_that_is_off_is_started_and_one_that_is_not_defined_is_made_again(state):
    assert "'virsh start id-at-b'" in advice.advice(OFF, of(state))
    assert "virsh start" not in advice.advice(MISSING, of(state))
    assert "'./secondsite-rescue start web01'" in advice.advice(MISSING, of(state))


def test_advice_for_any_machine_has_the_name_of_this_one():
    assert "machine show web01" in advice.advice("rpo-exceeded", of(State.PROTECTED))


@pytest.mark.parametrize("state", AT_TARGET)
def test_of_a_machine_whose_disks_are_gone_nothing_promises_what_it_wrote(state):
    assert "what it wrote there" in advice.advice(MISSING, of(state))
    said = advice.advice(MISSING, of(state, forgotten=True))
    assert "again with what it wrote there" not in said
    assert ("secondsite-rescue" in said) is (state is State.COMMITTED)


@pytest.mark.parametrize("state", AT_TARGET)
def test_a_machine_that_its_hypervisor_does_not_know_is_brought_up_before_it_is_committed(state):
    missing = advice.AdvisedMachine("web01", "b", state, DrillState.NONE, "id-at-b", missing=True)
    assert advice.advice(UNPROTECTED, missing).startswith("Bring the machine up first")


def test_what_uses_the_old_disks_under_another_name_is_not_shut_down_by_the_machines_own():
    elsewhere = advice.AdvisedMachine(
        "web01", "b", State.FAILED_OVER, DrillState.NONE, "id-at-b", elsewhere=True
    )
    said = advice.advice(TWO, elsewhere)
    assert "virsh shutdown" not in said
    assert "'virsh domblklist'" in said
    assert "'secondsite machine commit web01'" in said
