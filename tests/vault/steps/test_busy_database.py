"""A database that does not answer at one moment, whichever that is, delays a verb: a planned failover that
failed of it would be cancelled."""

import itertools

import pytest

from secondsite.domain.lifecycle import State, Verb
from tests.vault.support_busy import Busy
from tests.vault.support_operations import Verbs, folder_in_memory

FEWEST = 8
"""Readings of a verb's steps."""


@pytest.mark.parametrize(
    ("verb", "arguments", "ends"),
    [
        (Verb.PLANNED_FAILOVER, {}, State.PLANNED_FAILED_OVER),
        (Verb.TEST_FAILOVER, {"network": "create", "clean_up": True}, State.PROTECTED),
    ],
)
def test_a_verb_comes_to_its_end_whichever_reading_of_a_step_is_refused(verb, arguments, ends):
    for nth in itertools.count(1):
        with folder_in_memory() as folder:
            verbs = Verbs(folder)
            verbs.protect()
            with Busy(verbs, nth).armed() as busy:
                job = verbs.run(verb, **arguments).job
            assert (job.state, verbs.state()) == ("succeeded", ends), (nth, busy.at, job.error)
            verbs.close()
        if busy.at is None:
            break
    assert nth > FEWEST
