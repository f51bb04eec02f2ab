"""What the tests of killed appliances share: a protected machine, and a drill that is read."""

from rig.eventually import eventually
from secondsite.wire.control.orders import AcceptCycles, Kind, StartReplica


def protect(vault, pair):
    vault.order("appliance-b", Kind.PREPARE_REPLICA, pair.replica_setup(), pair.machine_id)
    vault.order("appliance-a", Kind.START_REPLICATION, pair.source_setup(), pair.machine_id)
    eventually(lambda: synchronized(vault, pair), 30)


def synchronized(vault, pair):
    found = vault.replicas.get(pair.machine_id)
    return found is not None and found.synchronized


def drill_equals(vault, pair, point_id, content, run):
    """Runs the point and reads it as its guest would."""
    if run == "failover":
        vault.order("appliance-b", Kind.ACCEPT_CYCLES, AcceptCycles(accepting=False), pair.machine_id)
    payload = StartReplica(run=run, point_id=point_id, fabric_id=f"{run}-of-{pair.machine_id}", name=run)
    fact = vault.order("appliance-b", Kind.START_REPLICA, payload, pair.machine_id)
    assert pair.target.read(fact["fabric_id"]) == content
    pair.target.fabric.power.stop(fact["fabric_id"])
