"""The orders of scripts: each is run once.

A note that the script begins is written first. An order that is repeated after the appliance has died finds
the note: the script may have run then, and is not run again unless a person asks for it, which is another
order."""

import time
from collections.abc import Callable
from functools import partial

import structlog

from ....domain import errors
from ....ground import seams
from ....ground.units import DAY
from ....wire.control.scripts import (
    MOST_OF_THE_OUTPUT,
    CheckScripts,
    MissingScripts,
    RunGuestScript,
    RunScript,
    ScriptResult,
)
from ...shared import State
from ..context import Context
from ..proof import console_text
from . import guest_script, process, script_folder

KEY = "script/"
NOTES_KEPT_SECONDS = 90 * DAY
"""How long the note of a script is kept: longer than reports, and than an order may be old."""

log = structlog.get_logger(__name__)


def check(context: Context, payload: CheckScripts) -> tuple[str, MissingScripts]:
    scripts = context.parts.config.script_folder
    looks: list[Callable[[], object]] = [
        partial(script_folder.script, scripts, name) for name in payload.names
    ]
    looks += [partial(guest_script.text_of, scripts, name) for name in payload.in_guests]
    problems = []
    for look in looks:
        try:
            look()
        except errors.SecondsiteError as error:
            problems.append(f"{error.message} {error.do}")
    missing = MissingScripts(problems=tuple(problems), knows_guests=True)
    return f"{len(looks)} scripts, {len(problems)} cannot be run", missing


def run(context: Context, payload: RunScript) -> tuple[str, ScriptResult]:
    """Run a script at this appliance. Raises NotFound or NotPossibleNow for what may not be run, StaleOrder
    for a hook whose job was overtaken while it waited for an earlier one."""
    if context.order.machine_id is None:
        return _once(context, payload, payload.name, lambda: _prepared(context, payload))
    with context.parts.hooks_in_turn.taken(context.order, payload.name):
        context.require_current()
        return _once(context, payload, payload.name, lambda: _prepared(context, payload))


def run_in_guest(context: Context, payload: RunGuestScript) -> tuple[str, ScriptResult]:
    """Run a script inside a machine. Raises the same errors as `run`, and those of the fabric."""
    called = f"{payload.name} in {payload.guest.name}"
    return _once(context, payload, called, lambda: _prepared_for_guest(context, payload))


def _once(
    context: Context, payload: RunScript, called: str, prepare: Callable[[], Callable[[], process.ScriptExit]]
) -> tuple[str, ScriptResult]:
    """Run a script once. Errors of `prepare` are raised before it is noted that the script begins."""
    key = KEY + context.order.order_id
    if context.state.fact(key) is not None:
        log.warning("script.interrupted", script=called, order=context.order.order_id)
        return f"{called} may have run: the appliance ended meanwhile", ScriptResult(interrupted=True)
    begin = prepare()
    _forget_old(context.state)
    context.state.put_fact(key, str(time.time()))
    seams.reach("appliance.script.noted")
    ended = begin()
    seams.reach("appliance.script.ended")
    log.info("script.ended", script=called, status=ended.status, seconds=round(ended.seconds, 1))
    return _sentence(called, payload.timeout_seconds, ended), ScriptResult(
        exit_status=ended.status,
        seconds=ended.seconds,
        output=console_text.readable(ended.output)[-MOST_OF_THE_OUTPUT:],
    )


def _prepared(context: Context, payload: RunScript) -> Callable[[], process.ScriptExit]:
    path = script_folder.script(context.parts.config.script_folder, payload.name)
    told = guest_script.completed(context, payload).model_dump_json().encode()

    def begin() -> process.ScriptExit:
        try:
            return process.run(path, told, payload.timeout_seconds)
        except OSError as problem:
            raise errors.NotPossibleNow(
                f"Script {path} cannot be started: {problem.strerror}.", do="Look at its first line."
            ) from None

    return begin


def _prepared_for_guest(context: Context, payload: RunGuestScript) -> Callable[[], process.ScriptExit]:
    content = guest_script.text_of(context.parts.config.script_folder, payload.name)
    context.require_tagged(payload.guest.fabric_id)
    script = guest_script.made(content, payload.context.model_dump_json().encode(), payload.timeout_seconds)
    guest_script.wait_for_agent(context, payload.guest)

    def begin() -> process.ScriptExit:
        began = time.monotonic()
        ended = context.fabric.scripting.run(payload.guest.fabric_id, script)
        return process.ScriptExit(ended.status, time.monotonic() - began, ended.output)

    return begin


def _sentence(called: str, timeout_seconds: float, ended: process.ScriptExit) -> str:
    if ended.status is None:
        return f"{called} was killed after {timeout_seconds:g} s"
    how = "succeeded" if ended.status == 0 else f"failed with status {ended.status}"
    return f"{called} {how} after {ended.seconds:.1f} s"


def _forget_old(state: State) -> None:
    lived = state.lived()
    for key, at in state.facts(KEY).items():
        if lived - float(at) > NOTES_KEPT_SECONDS:
            state.remove_fact(key)
