"""A machine with hooks, and what its appliances ran."""

from secondsite.vault.store import MachineHooksRecord
from secondsite.wire.common.hooks import MachineHook
from secondsite.wire.control.scripts import ScriptResult

GIVE = MachineHook(name="give", script="give-address", moment="after_start", timeout_seconds=30)
TAKE = MachineHook(name="take", script="take-address", moment="before_stop", timeout_seconds=30)
STOPS = TAKE.model_copy(update={"stops": True})
GAVE, TOOK = "Hook after the start: give", "Hook before the stop: take"
GOOD, BAD = ScriptResult(exit_status=0, output="done\n"), ScriptResult(exit_status=3, output="no route\n")


def hook(verbs, *hooks, name="web01"):
    with verbs.store.transaction() as tx:
        tx.hooks.put(MachineHooksRecord(verbs.machine(name).id, hooks))


def ran(verbs):
    """Which appliance ran which script, in their order."""
    return [(appliance, name) for appliance, name, _ in verbs.appliances.ran]


def run(verbs, verb, ends="succeeded", **arguments):
    tree = verbs.run(verb, **arguments)
    assert tree.job.state == ends, tree
    return tree
