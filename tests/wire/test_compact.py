"""Points as they are held: equal to what was said, and small."""

import tracemalloc

from secondsite.wire.common import compact
from secondsite.wire.common.machines import MachineDefinition
from secondsite.wire.common.points import PointShape
from secondsite.wire.control.statuses import ReplicaStatus
from tests.support.vault import NOW, definition, point, replica_status


def said(seq):
    """As it comes over the wire."""
    full = point(seq).model_copy(
        update={"disks": ("vda", "vdb"), "sealed_at": NOW, "verified_at": NOW, "added_bytes": seq << 30}
    )
    return PointShape.model_validate_json(full.model_dump_json())


def test_a_point_is_what_was_said_in_all_that_anybody_asks_of_it():
    (held,) = compact.points([said(7)])
    assert held == said(7)
    assert held.model_dump_json() == said(7).model_dump_json()
    assert held.model_fields_set == said(7).model_fields_set
    assert held.model_copy(update={"held": "why"}) == said(7).model_copy(update={"held": "why"})
    assert held.to_domain() == said(7).to_domain()
    assert repr(held) == repr(said(7))


def test_points_that_are_known_are_those_that_are_held():
    known = replica_status(points=compact.points([said(1), said(2)]))
    other = said(2).model_copy(update={"damaged": True})
    found = compact.points([said(1), other, said(3)], known.points)
    assert found == (said(1), other, said(3))
    assert found[0] is known.points[0]


def test_a_held_point_takes_little():
    text = replica_status(points=[said(seq) for seq in range(1000)]).model_dump_json()

    def taken(made):
        tracemalloc.start()
        kept = made()
        now, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert len(kept) == 1000
        return now / 1000

    known = replica_status(points=[said(seq) for seq in range(1000)])
    as_said = taken(lambda: ReplicaStatus.model_validate_json(text).points)
    assert taken(lambda: compact.points(ReplicaStatus.model_validate_json(text).points)) < as_said / 2, (
        "those of a message are all made before the first of them is held"
    )
    held = known.model_copy(update={"points": compact.points(known.points)})
    again = min(
        taken(lambda: compact.points(ReplicaStatus.model_validate_json(text).points, held.points))
        for _ in range(3)  # a thread that an earlier test has left may allocate meanwhile
    )
    assert again < 50, "told again, they are those that are held"


def test_what_is_kept_shares_the_sets_of_given_fields_at_any_depth():
    text = definition().model_dump_json()
    one, other = (compact.kept(MachineDefinition.model_validate_json(text)) for _ in range(2))
    assert one.model_fields_set is other.model_fields_set
    assert one.disks[0].model_fields_set is other.disks[0].model_fields_set
    assert one == MachineDefinition.model_validate_json(text)
    assert one.model_fields_set == MachineDefinition.model_validate_json(text).model_fields_set


def test_a_changed_copy_of_what_is_kept_changes_nothing_else():
    held = compact.kept(replica_status(points=()))
    before = set(held.model_fields_set)
    copy = held.model_copy(update={"power": "running"})
    assert "power" in copy.model_fields_set
    assert held.model_fields_set == before
