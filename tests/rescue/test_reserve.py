"""A start without the appliance has the space that replication left for it."""

from secondsite.rescue import RESERVE
from secondsite.rescue.store import Replica


def test_the_space_that_was_left_for_starts_is_given_up(tmp_path):
    folder = tmp_path / "replicas" / "m1"
    replica = Replica.__new__(Replica)
    object.__setattr__(replica, "folder", folder)
    (tmp_path / RESERVE).write_bytes(b"x")
    replica.release_reserve()
    replica.release_reserve()
    assert list(tmp_path.iterdir()) == []
