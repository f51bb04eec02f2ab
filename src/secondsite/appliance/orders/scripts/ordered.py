"""The orders of scripts: each is run once.

That it begins is noted first. An order that is repeated after the appliance has died finds the note: the script may have run then, and is
not run again unless a person asks for it, which is another order."""

import time

import structlog

from ....domain import errors
from ....ground import seams
from ....ground.units import DAY
from ....wire.control.scripts import (
    MOST_OF_THE_OUTPUT,
    CheckScripts,
    MissingScripts,
    RunScript,
    ScriptRan,
)
from ...shared import State
from ..context import Context
from ..proof import text
from . import folder, process

KEY = "script/"
NOTES_KEPT_SECONDS = 90 * DAY
"""Longer than reports, and than an order may be old."""

log = structlog.get_logger(__name__)


def check(context: Context, payload: CheckScripts) -> tuple[str, MissingScripts]:
    problems = []
    for name in payload.names:
        try:
            folder.script(context.parts.config.script_folder, name)
        except errors.SecondsiteError as error:
            problems.append(f"{error.message} {error.do}")
    return f"{len(payload.names)} scripts, {len(problems)} cannot be run", MissingScripts(
        problems=tuple(problems)
    )


def run(context: Context, payload: RunScript) -> tuple[str, ScriptRan]:
    """Raises NotFound or NotPossibleNow for what may not be run."""
    key = KEY + context.order.order_id
    if context.state.fact(key) is not None:
        log.warning("script.interrupted", script=payload.name, order=context.order.order_id)
        return f"{payload.name} may have run: the appliance ended meanwhile", ScriptRan(interrupted=True)
    path = folder.script(context.parts.config.script_folder, payload.name)
    _forget_old(context.state)
    context.state.put_fact(key, str(time.time()))
    seams.reach("appliance.script.noted")
    try:
        ended = process.run(path, payload.context.model_dump_json().encode(), payload.timeout_seconds)
    except OSError as problem:
        raise errors.NotPossibleNow(
            f"Script {path} cannot be started: {problem.strerror}.", do="Look at its first line."
        ) from None
    seams.reach("appliance.script.ended")
    log.info("script.ended", script=payload.name, status=ended.status, seconds=round(ended.seconds, 1))
    return _sentence(payload, ended), ScriptRan(
        exit_status=ended.status,
        seconds=ended.seconds,
        output=text.readable(ended.output)[-MOST_OF_THE_OUTPUT:],
    )


def _sentence(payload: RunScript, ended: process.Ended) -> str:
    if ended.status is None:
        return f"{payload.name} was killed after {payload.timeout_seconds:g} s"
    how = "succeeded" if ended.status == 0 else f"failed with status {ended.status}"
    return f"{payload.name} {how} after {ended.seconds:.1f} s"


def _forget_old(state: State) -> None:
    for key, at in state.facts(KEY).items():
        if time.time() - float(at) > NOTES_KEPT_SECONDS:
            state.remove_fact(key)
