"""Hooks: scripts that run when a machine is moved, whichever verb moves it.

Its rooms:

    choosing    which of a machine's hooks a verb runs; they go into its job's arguments
    placing     where they stand among the steps of the verb
    running     runs a hook, and checks that its script exists
    scripting   what hooks share with the scripts of plans
    hook_facts  what a hook's script is told
"""

from .choosing import Known, names, with_hooks
from .placing import HookPlacement

__all__ = ["HookPlacement", "Known", "names", "with_hooks"]
