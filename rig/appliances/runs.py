"""Drills, failovers and the way home of a Pair, order by order as the vault gives them."""

import uuid
from typing import Any

from rig.appliances.pair import AnySite, Pair
from secondsite.datapath.replica.record import record
from secondsite.wire.common.sync_mode import SyncMode
from secondsite.wire.control.orders import (
    AcceptCycles,
    CommitPoint,
    Kind,
    StartReplica,
    StopReplica,
    Withdraw,
)
from secondsite.wire.control.setups import Base


def start(
    pair: Pair[AnySite], run: str, point_id: str, name: str | None = None, fabric_id: str | None = None,
    **more: Any
) -> dict[str, Any]:  # fmt: skip
    """Starts a machine from a point, as the run 'drill' or 'failover' (which closes the replica first);
    its facts."""
    if run == "failover":
        close(pair)
    payload = StartReplica(
        run=run, point_id=point_id, fabric_id=fabric_id or str(uuid.uuid4()),
        name=name or f"{pair.name}-{run}",
        **more,
    )  # fmt: skip
    return pair.target.do(Kind.START_REPLICA, payload, pair.machine_id)


def close(pair: Pair[AnySite]) -> None:
    """The replica takes no more cycles."""
    pair.target.do(Kind.ACCEPT_CYCLES, AcceptCycles(accepting=False), pair.machine_id)


def stop(pair: Pair[AnySite], run: str, fabric_id: str) -> None:
    """Ends the run; nothing of it stays."""
    pair.target.do(Kind.STOP_REPLICA, StopReplica(run=run, fabric_id=fabric_id), pair.machine_id)


def fail_over(pair: Pair[AnySite], point_id: str) -> str:
    """The fabric id of the machine that runs at the target from now on."""
    pair.pause()
    fabric_id: str = start(pair, "failover", point_id, name=pair.name)["fabric_id"]
    return fabric_id


def turned(pair: Pair[AnySite], fabric_id: str, **both: Any) -> Pair[AnySite]:
    """Commit the failover and protect the machine the other way round, as a reprotect does; `both` is of
    the setups of both sides."""
    run = record.load(pair.target.replica_folder(pair.machine_id) / "replica.json").run("failover")
    assert run is not None, f"{pair.name} was not failed over"
    pair.target.do(Kind.COMMIT_POINT, CommitPoint(point_id=run.point_id), pair.machine_id)
    return back(pair, fabric_id, **both)


def back(pair: Pair[AnySite], fabric_id: str, **both: Any) -> Pair[AnySite]:
    """Protect the machine that runs at the target onto the disks that it has at the source."""
    pair.source.do(Kind.WITHDRAW, Withdraw(fabric_id=pair.fabric_id), pair.machine_id)
    reverse = Pair(pair.target, pair.source, fabric_id, pair.machine_id)
    reverse.epoch = pair.epoch + 1
    base = both.pop("base", Base.EXISTING)
    setup = reverse.replica_setup(base=base, existing_fabric_id=pair.fabric_id, **both)
    reverse.target.do(Kind.PREPARE_REPLICA, setup, pair.machine_id)
    begin = reverse.source_setup(sync=SyncMode.COMPARE, **both)
    reverse.source.do(Kind.START_REPLICATION, begin, pair.machine_id)
    return reverse.synchronized()
