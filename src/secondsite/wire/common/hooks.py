"""Hooks of a machine: scripts of the sites' script folders that run when it is moved."""

from typing import Annotated

from pydantic import Field, model_validator

from ...domain.machines.hooks import HookMoment
from ...domain.plans.actions import SCRIPT
from ...domain.plans.directions import Direction, FailoverKind
from .base import Shape

MOST_HOOKS = 16
USUAL_SECONDS, MOST_SECONDS = 60.0, 3600.0


class MachineHook(Shape):
    """A script that runs automatically whenever the machine has been started, or is about to be stopped."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")]
    """Its name, once for each machine."""
    script: Annotated[str, Field(pattern=f"^{SCRIPT.pattern}$")]
    """The name of a file, without a path, in the script folder of the appliance where the machine runs
    then."""
    moment: HookMoment
    """'after_start': where the machine was started, after its proof; 'before_stop': where it runs, before
    it is shut down by a planned failover, or removed by a clean-up or a cancel."""
    kinds: Annotated[tuple[FailoverKind, ...], Field(min_length=1)] = tuple(FailoverKind)
    """For which kinds of failover it runs."""
    directions: Annotated[tuple[Direction, ...], Field(min_length=1)] = tuple(Direction)
    """In which directions it runs: when the machine leaves home, or comes home. A cancelled failover goes the
    other way."""
    timeout_seconds: Annotated[float, Field(gt=0, le=MOST_SECONDS)] = USUAL_SECONDS
    """How many seconds it may run before it is killed."""
    stops: bool = False
    """For 'before_stop': whether a planned failover stops, before the machine is shut down, if the script
    fails. Nothing else is ever stopped by it."""

    @model_validator(mode="after")
    def _stops_what_can_be_stopped(self) -> "MachineHook":
        if self.stops and (
            self.moment is not HookMoment.BEFORE_STOP or FailoverKind.PLANNED not in self.kinds
        ):
            raise ValueError("only a hook that runs before the stop of a planned failover can stop one")
        return self
