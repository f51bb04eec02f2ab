"""A machine that leaves its second disk out, and copies of it that are started from a point."""

from secondsite.wire.control.orders import Kind, StartReplica

COPY = "33333333-3333-4333-8333-333333333333"
LEFT_OUT = {"disks": ("vda",), "left_out": ("vdb",)}


def protected(pair):
    pair.target.do(Kind.PREPARE_REPLICA, pair.replica_setup(disks=("vda",)), pair.machine_id)
    pair.source.do(Kind.START_REPLICATION, pair.source_setup(**LEFT_OUT), pair.machine_id)
    return pair.synchronized()


def start(pair, point_id, run="drill", **changes):
    asked = StartReplica(run=run, point_id=point_id, fabric_id=COPY, name="drill", start=False, **changes)
    return pair.target.order(Kind.START_REPLICA, asked, pair.machine_id)
