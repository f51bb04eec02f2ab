"""Two simulated sites, of which one protects a machine of the other."""

import os

from secondsite.ground.units import MiB
from tests.support import command_line, policies


def replicate(rig):
    """web01 of site a is protected to b, and has its first points."""

    def furnish(site):
        if site == "a":
            rig.make_simulated("web01")

    rig.open(furnish=furnish)
    with rig.client() as vault:
        vault.policies.create(**policies.quick().model_dump())
    rig.simulated["web01"].write(0, os.urandom(4 * MiB))
    protect = ("enable-protection", "web01", "--source", "a", "--target", "b", "--policy", "quick")
    command_line.do(rig, *protect)
    rig.new_points("web01")
