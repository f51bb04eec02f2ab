"""A start can be asked from the newest point that proved that its machine runs."""

import pytest

from secondsite.domain.lifecycle import State, Verb
from secondsite.domain.points import Grade
from tests.vault.support_operations import said

pytestmark = pytest.mark.slow


def graded(verbs, point, grade):
    """The target says from now on that a machine that was started from the point proved something."""
    (points,) = verbs.appliances.points.values()
    points[points.index(point)] = point.model_copy(update={"proof": grade, "proven_at": point.taken_at})


@pytest.mark.parametrize("verb", [Verb.TEST_FAILOVER, Verb.FAILOVER])
def test_a_start_from_the_latest_verified_point_passes_newer_ones_over(verbs, verb):
    verbs.protect()
    verified = verbs.appliances.seal(verbs.machine().id)
    graded(verbs, verified, Grade.BOOTED)
    newer = verbs.appliances.seal(verbs.machine().id)
    tree = verbs.run(verb, choice="latest_verified")
    assert tree.job.state == "succeeded"
    sentences = str([task.sentence for task in tree.tasks])
    assert verified.id in sentences
    assert newer.id not in sentences


def test_without_a_verified_point_nothing_is_touched_and_what_to_do_is_said(verbs):
    verbs.protect()
    tree = verbs.run(Verb.FAILOVER, choice="latest_verified")
    assert (tree.job.state, verbs.state()) == ("failed", State.PROTECTED)
    problem = said(tree, "Prerequisites check").error
    assert "latest_verified" in problem.message
    assert "A drill from a point verifies it" in problem.do
