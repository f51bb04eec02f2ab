"""Who answers at an address of a site's network; what a job says of the addresses that it gave."""

import contextlib

from rig import bridges


@contextlib.contextmanager
def answers_beside(rig, site, *neighbours):
    """Asks, from the site's network, who answers at an address; whoever asks has one beside each of these."""
    space = f"t{rig.folder.name[-6:]}"
    bridges.ip("netns", "add", space)
    try:
        bridges.ip("link", "add", f"{space}o", "type", "veth", "peer", "name", f"{space}i", "netns", space)
        bridges.ip("link", "set", f"{space}o", "master", rig.bridge(site), "up")
        for address in neighbours:
            own = f"{address.rpartition('.')[0]}.250/24"
            bridges.ip("-n", space, "address", "add", own, "dev", f"{space}i")
        bridges.ip("-n", space, "link", "set", f"{space}i", "up")
        yield lambda address: answers(space, address)
    finally:
        bridges.ip("netns", "delete", space)


def answers(space, address):
    with contextlib.suppress(Exception):
        bridges.ip("netns", "exec", space, "busybox", "ping", "-c", "1", "-W", "1", address)
        return True
    return False


def proof(job):
    return next(task["sentence"] for task in job["tasks"] if task["name"] == "Proof")
