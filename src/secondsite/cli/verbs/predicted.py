"""How long a verb takes, in the words of a confirmation."""

from ...domain.amounts import span
from ...domain.lifecycle import Verb
from ...ground.plural import counted
from ...wire.common.predictions import PredictedTime


def said(found: PredictedTime | None, verb: Verb) -> str:
    """The end of a sentence."""
    if found is None:
        return "; how long it takes is not known: nothing like it was done before"
    runs = (
        counted(found.runs, f"run of {_spoken(found.verb)}")
        if found.verb is not verb
        else counted(found.runs, "run")
    )
    between = "" if found.runs == 1 else f" ({span(found.least_seconds)} to {span(found.most_seconds)})"
    off = "" if found.down_seconds is None else f", and is off for about {span(found.down_seconds)}"
    return f"; runs after about {span(found.seconds)}{between}{off}, as in its last {runs}"


def _spoken(verb: Verb) -> str:
    return verb.value.replace("_", " ")
