"""A store that was handed over, in which something is no file: an appliance comes up with it, and tells of
the others."""

import os

import pytest

from rig.appliances import Pair
from secondsite.wire.control.adopting import ListAdoptable
from secondsite.wire.control.orders import Kind

pytestmark = pytest.mark.slow

NAMES = (
    "store.json",
    "configuration.json",
    "grades.json",
    "replica.json",
    "start.json",
    "machine.json",
    "points/*.json",
)


def odd_place(store, folder, name):
    """The file of this name, or of the first of these."""
    if name in ("store.json", "configuration.json"):
        return store / name
    return next(folder.glob(name)) if "*" in name else folder / name


@pytest.mark.parametrize("name", NAMES)
def test_a_pipe_in_it_is_waited_for_by_nobody(sites, make_site, name):
    """The appliance did not come up, or never answered what there is to adopt."""
    a, b = sites
    odd, other = (
        Pair(a, b, a.make_machine(each), name=each).protect().synchronized() for each in ("odd", "other")
    )
    folder = b.replica_folder(odd.machine_id)
    b.stop()
    place = odd_place(b.config.store, folder, name)
    place.unlink(missing_ok=True)
    os.mkfifo(place)
    c = make_site("c", store=b.config.store).start()
    told = {each["id"] for each in c.do(Kind.SHOW_KEPT, ListAdoptable(), deadline_seconds=20)["machines"]}
    assert other.machine_id in told
