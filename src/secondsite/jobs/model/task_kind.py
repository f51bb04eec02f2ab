"""The kind of a task: it does a step, or undoes one."""

import enum


class TaskKind(enum.StrEnum):
    """A step as the definition names it, or the undoing of one."""

    STEP = "step"
    UNDO = "undo"
