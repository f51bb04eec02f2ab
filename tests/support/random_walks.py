"""A state machine of hypothesis that takes other ways in every run, and says how a way that failed is
taken again."""

import os
import random

import hypothesis
from hypothesis.stateful import run_state_machine_as_test

SEED = "SECONDSITE_SEED"


def walk(machine, module, **settings):
    """Take ways of the machine's rules, new ones in every run unless $SECONDSITE_SEED says which.

    A failure names its seed and the command that replays it, besides the shortest way that hypothesis finds.
    """
    number = int(os.environ.get(SEED) or random.SystemRandom().randrange(2**32))
    # Without the phase that explains failures: it traces every line, five times as slow.
    phases = (hypothesis.Phase.generate, hypothesis.Phase.shrink)
    chosen = hypothesis.settings(
        database=None, phases=phases, suppress_health_check=list(hypothesis.HealthCheck), **settings
    )
    seeded = hypothesis.seed(number)(type(machine.__name__, (machine,), {}))
    print(f"random walks with seed {number}")
    try:
        run_state_machine_as_test(seeded, settings=chosen)
    except BaseException as failure:
        failure.add_note(f"seed {number}; again: {SEED}={number} ./dev shell pytest {module}")
        raise


def again(machine, way):
    """Take one way, a list of (rule, arguments); what `check` says holds at its beginning and after every
    step."""
    taken = machine()
    try:
        taken.begin()
        taken.check()
        for rule, arguments in way:
            getattr(taken, rule)(**arguments)
            taken.check()
    finally:
        taken.teardown()
