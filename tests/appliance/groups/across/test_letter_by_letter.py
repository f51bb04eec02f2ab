"""A leader in other hands says its words letter by letter: it holds the machines of its followers no
longer than by its silence."""

import threading

import pytest

from rig.eventually import eventually
from secondsite.appliance.groups import permitted_leaders
from tests.appliance.groups.support_groups import Together
from tests.appliance.support_stalling import Stalling

pytestmark = pytest.mark.slow

PATIENCE_SECONDS = 3.0


@pytest.mark.parametrize(
    ("word", "app"), [("PAUSE", False), ("FIX", False), ("PAUSE", True), ("VERDICT", False)]
)
def test_a_leader_that_speaks_letter_by_letter_holds_no_machine_of_its_followers(
    make_site, monkeypatch, word, app
):
    """Orders for them waited for as long as it liked, with their views open."""
    monkeypatch.setattr(permitted_leaders, "NEXT_SECONDS", PATIENCE_SECONDS)
    monkeypatch.setattr(permitted_leaders, "VERDICT_SECONDS", PATIENCE_SECONDS)
    a, b, c = (make_site(name).start() for name in ("a", "b", "c"))
    together = Together((a, b), 2, others=(c,), guest_agent=True).protect()
    group = together.group(multi_vm_every_seconds=3600, app_consistent=True)
    together.tell(group, to=[c])
    stalling = Stalling(monkeypatch)
    stalling.begin(word)
    taking = threading.Thread(target=lambda: a.appliance.groups.points.take(group, app_consistent=app))
    taking.start()
    try:
        eventually(lambda: stalling.said, 30)
        together.pairs[1].pause()
    finally:
        stalling.end()
        taking.join(60)
