"""A move of a real guest's disks, whose appliance is killed at every seam of it."""

from rig.eventually import eventually
from secondsite.ground import seams
from tests.e2e import support_e2e as e2e
from tests.support import command_line

SEAMS = ("fabric.settle.noted", "fabric.settle.made", "fabric.settle.copying", "fabric.settle.equal",
         "fabric.settle.marked", "fabric.settle.moved", "appliance.settle.moved",
         "appliance.replica.removed")  # fmt: skip
MORE = 5


def settled_with_a_death_at_each_seam(rig, name, *words, site="b"):
    """The machine settles, by one job; its guest writes on after each death, and does not boot."""
    console, appliance = rig.console(site, name), rig.appliances[site]
    boots, file = len(console.boots), rig.seam_file(f"appliance-{site}")
    seams.order(file, 1, seam=SEAMS[0])
    job = command_line.told(rig, "machine", "settle", name, *words, "--yes", "--no-wait")["job_id"]
    for later in (*SEAMS[1:], None):
        eventually(lambda: not appliance.is_alive, 120)
        e2e.wait_for_record(console, console.last_record + MORE)
        if later is not None:
            seams.order(file, 1, seam=later)
        appliance.start()
    ended = rig.wait_for_job(job)
    assert ended.state == "succeeded", rig.describe(ended)
    assert len(console.boots) == boots
