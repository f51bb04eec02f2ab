"""The machines that the acts are done with."""

MACHINES = tuple(f"app0{number}" for number in range(1, 8))
NEW = "new01"
"""One that is not under protection."""
ODD = "two  spaces "
"""Another one, with blanks that nobody sees."""


def page_of(vault, name):
    """The address of its page, below that of the console."""
    return f"/machines/{vault.machines[name].show().id}"
