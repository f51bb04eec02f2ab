"""Manual actions of a recovery plan: the run stops, shows the instruction, and waits for an answer."""

from ...ground.units import DAY
from ...jobs.model.asking import ASKS_SECONDS, Question, QuestionFacts
from ...jobs.model.context import StepContext
from ...jobs.model.outcomes import Done, Outcome, Skipped
from .arguments import RunAction

DONE, SKIPPED, FAILED = "done", "skipped", "failed"
"""The answers that a person can give to an action. After `failed` a planned failover stops; others go on."""


def ask(stops: bool, action: RunAction, ctx: StepContext) -> Outcome:
    """Wait until a person says how the action went. `stops`: the run stops if it failed, and waits
    ASKS_SECONDS at most; else nobody's answer lets it go on after that time."""
    negative = (FAILED,) if stops else ()
    question = Question(action.instruction, (DONE, SKIPPED, FAILED), negative, again=(FAILED,))
    if not stops and ctx.waited_seconds >= ASKS_SECONDS and not _is_answered(ctx):
        return Done(f"nobody answered for {ASKS_SECONDS / DAY:.0f} days: the run goes on", partial=True)
    answer = ctx.ask(question, ASKS_SECONDS if stops else ASKS_SECONDS + DAY)
    said = f"{answer.verdict}, says {answer.by}" + (f": {answer.note}" if answer.note else "")
    if answer.verdict == SKIPPED:
        return Skipped(said)
    return Done(said, partial=answer.verdict == FAILED)


def _is_answered(ctx: StepContext) -> bool:
    known = ctx.remembered(QuestionFacts)
    return known is not None and known.answer is not None
