"""What evidence says of a job and of its steps. Secrets that were asked with are on no record."""

from collections.abc import Mapping
from datetime import datetime

from pydantic import JsonValue, ValidationError

from ...domain.access.hidden import without_secrets
from ...jobs.model import asking
from ...jobs.model.failures import Failure
from ...jobs.model.views import JobView, TaskView
from ...wire import rest
from ...wire.control.scripts import ScriptRan

Told = dict[str, JsonValue]
CHILDREN = "children"


def verb_of(job: JobView) -> str:
    return str(job.arguments.get("verb") or job.name)


def job(of: JobView) -> Told:
    return {
        "id": of.id,
        "verb": verb_of(of),
        "subject": of.subject_name,
        "attempt": of.attempt,
        "state": of.state.value,
        "asked_by": of.requested_by,
        "asked_at": of.created_at.isoformat(),
        "ended_at": when(of.ended_at),
        "asked": without_secrets({key: _asked(key, each) for key, each in of.arguments.items()}),
        "result": of.result,
        "problem": _problem(of.error),
    }


def step(task: TaskView) -> Told:
    return {
        "name": task.title,
        "kind": task.kind.value,
        "attempt": task.attempt,
        "state": task.state.value,
        "said": task.sentence,
        "partial": task.partial,
        "started_at": when(task.started_at),
        "ended_at": when(task.ended_at),
        "problem": _problem(task.error),
        "asks": _question(task),
        "answer": _answer(task),
        "script": _script(task),
    }


def facts(task: TaskView) -> rest.TaskFacts:
    """Words of another release must not keep evidence from being made."""
    try:
        return rest.TaskFacts.model_validate(task.facts)
    except ValidationError:
        return rest.TaskFacts()


def when(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _asked(key: str, value: JsonValue) -> JsonValue:
    """What each machine was asked stands with the machine: here are its machines' ids alone."""
    if isinstance(value, list):
        return [_machine_id(each) if key == CHILDREN else _asked("", each) for each in value]
    return {name: _asked(name, each) for name, each in value.items()} if isinstance(value, dict) else value


def _machine_id(child: JsonValue) -> JsonValue:
    return child.get("machine_id") if isinstance(child, Mapping) else child


def _problem(error: Failure | None) -> JsonValue:
    return None if error is None else {"code": error.code, "message": error.message}


def _question(task: TaskView) -> JsonValue:
    asks = asking.asked(task).asks if "asks" in task.facts else None
    return None if asks is None else asks.instruction


def _answer(task: TaskView) -> JsonValue:
    """Who answered what a person was asked, when, and what he saw."""
    answer = asking.asked(task).answer if "answer" in task.facts else None
    return None if answer is None else answer.model_dump(mode="json")


def _script(task: TaskView) -> JsonValue:
    """How a script ended, and the end of its output."""
    if "exit_status" not in task.facts:
        return None
    try:
        return ScriptRan.model_validate(task.facts).model_dump(mode="json")
    except ValidationError:
        return None
