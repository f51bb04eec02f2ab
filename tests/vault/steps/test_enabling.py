"""The record that an enable makes."""

from secondsite.vault.steps import enabling
from secondsite.vault.steps.enabling import EnableArguments, EnableChecks
from tests.support.vault import NOW, machine


def test_no_two_attempts_of_an_enable_give_a_version_twice():
    """The list decodes each version of a machine once, and a retry makes the record anew under its id."""
    known = machine("11111111-0000-4000-8000-000000000001", "web01")
    wanted = EnableArguments(
        machine_id="m1", machine="web01", source_site="a", target_site="b", policy="default"
    )
    checked = EnableChecks(
        definition=known.definition.model_copy(update={"fabric_id": "11111111-0000-4000-8000-000000000001"}),
        disks=known.disks,
        source_appliance_id="one",
        target_appliance_id="two",
    )
    first, second, third = (enabling.record(wanted, checked, "job", attempt, NOW) for attempt in (1, 2, 3))
    assert first.version == 0
    assert second.version - first.version >= 1_000_000 <= third.version - second.version
