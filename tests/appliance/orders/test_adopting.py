"""What an appliance tells a new vault of a copy that the former one had booted only to be looked at."""

import uuid

import pytest

from rig.appliances.runs import start
from secondsite.appliance.orders.proof import booting
from secondsite.wire.control.adopting import Adopt, ListAdoptable
from secondsite.wire.control.orders import Kind

pytestmark = pytest.mark.slow


def test_a_copy_that_was_looked_at_is_no_test_failover_and_is_gone_once_its_machine_is_adopted(pair):
    pair.protect().synchronized()
    copy = start(pair, booting.RUN, pair.point_now(), fabric_id=str(uuid.uuid4()))["fabric_id"]
    (found,) = pair.target.do(Kind.SHOW_KEPT, ListAdoptable())["machines"]
    assert found["replica"]["drills"] == 0
    pair.target.do(Kind.ADOPT, Adopt(), pair.machine_id)
    assert pair.target.fabric.inventory.get(copy) is None
    drill = start(pair, "drill", pair.point_now())["fabric_id"]
    (found,) = pair.target.do(Kind.SHOW_KEPT, ListAdoptable())["machines"]
    assert found["replica"]["drills"] == 1
    pair.target.do(Kind.ADOPT, Adopt(), pair.machine_id)
    assert pair.target.fabric.inventory.get(drill) is None
