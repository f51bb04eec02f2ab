"""A clone of a protected machine has its mark, since tools that clone copy the definition as it is."""

import pytest

from rig.appliances import Pair
from secondsite.fabrics.simulated.host.host import Host
from secondsite.ground.units import MiB
from secondsite.wire.control.checks import CheckSource
from secondsite.wire.control.orders import Kind

NAME = "clone"


@pytest.fixture
def protected(pair):
    return pair.protect().synchronized()


@pytest.fixture
def clone(protected):
    fabric_id = protected.source.make_machine(NAME, size_bytes=4 * MiB)
    return marked(Pair(protected.source, protected.target, fabric_id, name=NAME), protected.machine_id)


def marked(pair, tag):
    records = Host(pair.source.root).records
    with records.lock(pair.fabric_id, "a deed of the test"):
        records.save(records.need(pair.fabric_id).having(tag=tag))
    return pair


def tag(pair):
    return pair.source.fabric.inventory.tag(pair.fabric_id)


def in_the_way(pair):
    """Of its protection, as the check before it hears it."""
    asked = CheckSource(fabric_id=pair.fabric_id)
    return [each["what"] for each in pair.source.do(Kind.CHECK_SOURCE, asked, pair.machine_id)["obstacles"]]


def test_a_clone_is_protected_by_itself_and_its_original_stays_what_it_is(protected, clone):
    assert in_the_way(clone) == []
    clone.protect().synchronized()
    assert (tag(clone), tag(protected)) == (clone.machine_id, protected.machine_id)
    protected.source.write(protected.fabric_id, MiB, b"on it goes")
    protected.synchronized()


@pytest.mark.parametrize("foreign", ["f" * 32, None])
def test_a_mark_that_nobody_here_can_take_off_is_told_by_the_check(protected, clone, foreign):
    """It said ready, and the job failed at its third step."""
    if foreign is None:  # its original is gone: nobody knows which of the two it is
        protected.source.fabric.hosting.remove(protected.fabric_id, protected.machine_id)
    else:
        marked(clone, foreign)
    (said,) = in_the_way(clone)
    assert said == f"Machine '{NAME}' carries the mark of another protection, {tag(clone)}."
