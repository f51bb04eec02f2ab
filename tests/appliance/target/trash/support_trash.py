"""What a target's trash has, and what a person makes of it."""

from rig import images
from rig.noise import noise
from secondsite.appliance.target.trash import Trash, by_hand
from secondsite.ground.units import DAY, KiB

DELAY = 14 * DAY


def trash(site):
    return Trash(site.config.store, DELAY)


def the_item(site):
    (item,) = trash(site).items()
    return item


def written(pair, count=3):
    """The content of the disk at each of its points, by id; the loop rests."""
    pair.protect().synchronized()
    pair.pause()
    return more(pair, count)


def more(pair, count=3):
    found = {}
    for _ in range(count):
        pair.source.write(pair.fabric_id, 0, noise(64 * KiB))
        content = pair.source.read(pair.fabric_id)
        found[pair.point_now()] = content
    return found


def bytes_of(item, point_id):
    return images.raw(images.point_disks(item.folder, point_id)["vda"])


def remove(pair):
    pair.forget()


def restored(site, item, point_id=None):
    """A machine made from the trash by a person at the stopped site; its id."""
    before = {found.fabric_id for found in site.fabric.inventory.list()}
    said = by_hand.restore(site.fabric, item, site.config.store, None, point_id, None)
    assert "off and without a network" in said
    (made,) = [found for found in site.fabric.inventory.list() if found.fabric_id not in before]
    return made
