"""Points are held small, whatever is written of them."""

import gc

from secondsite.wire.common import compact
from tests.support.vault import NOW, machine, point, replica_status


def test_to_write_a_held_point_gives_it_no_dictionary(store):
    said = [point(1, held="audit"), point(2)]
    held = compact.points(said)
    assert [compact.to_be_written(each) for each in held] == said
    assert [compact.to_be_written(each).model_fields_set for each in held] == [
        each.model_fields_set for each in said
    ]
    held = compact.points(said)
    for _ in range(2):  # the second time it is compared with what is there
        with store.transaction() as tx:
            if not tx.machines.list():
                tx.machines.add(machine())
            tx.statuses.put_replica(replica_status(points=held), NOW)
    assert [each for each in gc.get_referents(*held) if isinstance(each, dict)] == []
    with store.reading() as tx:
        assert tx.statuses.get("m1").replica.points == tuple(said)
