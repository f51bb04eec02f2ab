"""The machines that the acts are done with."""

MACHINES = tuple(f"app0{number}" for number in range(1, 8))
NEW = "new01"
"""One that is not under protection."""
ODD = "two  spaces "
"""Another one, with blanks that nobody sees."""


def page_of(vault, name):
    """The address of its page, below that of the console."""
    return f"/machines/{vault.machines[name].show().id}"


def bring_home(machine):
    """Protected from a to b, whatever state a test has left it in."""
    steps = {
        "unprotected": lambda: machine.enable_protection("a", "b"),
        "failed_over": machine.commit,
        "planned_failed_over": machine.commit,
        "committed": machine.reprotect,
        "protected": machine.planned_failover,
    }
    while (shown := machine.show()).state != "protected" or shown.active_site != "a":
        steps[shown.state]().wait()
