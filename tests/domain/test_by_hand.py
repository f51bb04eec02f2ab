"""What a person is told to do at a machine that no hypervisor has."""

import pytest

from secondsite.domain.advice import AdvisedMachine, advice
from secondsite.domain.lifecycle import DrillState, State

CODES = ("source-running-after-failover", "failed-over-machine-off")


def server(state, **words):
    """One that no hypervisor has at either site."""
    return AdvisedMachine(
        "server", "b", state, DrillState.NONE, "id", hypervisor=False, old_hypervisor=False, **words
    )


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("state", [State.FAILED_OVER, State.PLANNED_FAILED_OVER, State.COMMITTED])
@pytest.mark.parametrize("off", [False, True])
def test_it_is_told_no_command_of_a_hypervisor(code, state, off):
    said = advice(code, server(state, off=off))
    assert "virsh" not in said
    assert "systemctl poweroff" in said or "switching it on" in said


def test_one_of_a_hypervisor_is_told_its_command():
    of = AdvisedMachine("vm", "b", State.COMMITTED, DrillState.NONE, "id")
    assert "'virsh shutdown vm'" in advice("source-running-after-failover", of)
    assert "'virsh start id'" in advice("failed-over-machine-off", of)
