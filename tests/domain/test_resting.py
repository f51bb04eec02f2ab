"""What is said of machines that are not on and yet not off, or on and cannot act."""

import pytest

from secondsite.domain import errors, power_states


@pytest.mark.parametrize("power", sorted(power_states.AT_REST))
@pytest.mark.parametrize("name", ["web01", "a b"])
def test_of_an_old_copy_nothing_is_advised_that_would_run_it(power, name):
    with pytest.raises(errors.NotPossibleNow) as refused:
        power_states.require_able(power, name, old_copy=True)
    assert "must not be started" in refused.value.do
    for act in ("virsh start", "virsh restore", "virsh resume", "start it", "Migrate it back"):
        assert act not in refused.value.do


@pytest.mark.parametrize("power", sorted(power_states.AT_REST))
def test_of_a_machine_at_home_it_is_said_how_it_can_be_moved(power):
    with pytest.raises(errors.NotPossibleNow) as refused:
        power_states.require_able(power, "web01")
    assert power_states.OLD_COPY not in refused.value.do


@pytest.mark.parametrize("old_copy", [False, True])
def test_of_memory_that_was_saved_to_a_file_it_is_said_how_it_is_given_up(old_copy):
    """`managedsave-remove` does nothing there, and says that all went well."""
    with pytest.raises(errors.NotPossibleNow) as refused:
        power_states.require_able(power_states.SAVED, "web01", old_copy=old_copy)
    way = (
        "restart libvirt's daemon"
        if old_copy
        else "start the machine without it ('virsh start web01') and shut it down"
    )
    assert f"if it was saved to a file ('virsh save'), {way}" in refused.value.do
    assert old_copy or way in power_states.before_a_move("web01")


def test_a_machine_that_runs_or_is_off_is_in_nobodys_way():
    for power in ("running", "off", "missing"):
        power_states.require_able(power, "web01")


def test_what_a_failover_gives_up_is_said_with_what_must_not_be_done():
    what, do = power_states.stays_behind("web01", "a", "b")
    assert "saved at a, and stays behind: at b it starts from its disks" in what
    assert "must not be started" in do
