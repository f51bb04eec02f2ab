"""Scripts that run when a machine is moved, whoever moves it.

choosing  which of a machine's hooks a verb runs; they go into its job's arguments
placing   where they stand among the steps of the verb
running   one that is run, and the check whether its script is there
scripting what plans share with that
telling   what it is told
"""

from .choosing import Known, names, with_hooks
from .placing import HookPlacement

__all__ = ["HookPlacement", "Known", "names", "with_hooks"]
