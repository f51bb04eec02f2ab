"""`secondsite appliance run`, with an uptime that is in a hurry, or with a source that lies.

python -m tests.e2e.hostile.altered_appliance appliance run --home HOME

SPEED: so many seconds pass for each of the host's. LIES: while this file is there, points are back-dated and
put into sets that no vault knows.
"""

import dataclasses
import os
from datetime import datetime, timedelta
from pathlib import Path

from secondsite.appliance.source.cycle_plan import CyclePlan
from secondsite.entry import main
from secondsite.ground import host
from secondsite.ground.uptime import Uptime


def hurry(speed):
    really = host.uptime
    host.uptime = lambda: Uptime(really().boot, really().seconds * speed)


def lie_while(there):
    honest = CyclePlan.header

    def header(plan, seq, definition):
        told = honest(plan, seq, definition)
        if not there.exists():
            return told
        said = datetime.fromisoformat(told.taken_at) - timedelta(seconds=30)
        point = {**told.point, "set_id": f"forged-{seq}"} if told.point else None
        return dataclasses.replace(told, taken_at=said.isoformat(), point=point)

    CyclePlan.header = header  # type: ignore[method-assign]


if __name__ == "__main__":
    hurry(float(os.environ.get("SPEED", "1")))
    lie_while(Path(os.environ.get("LIES", "/nowhere/at/all")))
    main.main()
