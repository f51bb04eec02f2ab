"""One appliance of a simulated site as a process: `python -m rig.appliances.program HOME HOST`.

It answers lines of JSON (see rig.answering) until its input ends or SIGTERM comes; with a vault in its
settings it dials that, too.
"""

import sys
from pathlib import Path
from typing import Any

from rig.answering import answer_all, take_answers
from secondsite.appliance.process import Appliance
from secondsite.appliance.shared.config import ApplianceConfig
from secondsite.fabrics import simulated
from secondsite.wire.control import Order
from secondsite.wire.control.setups import GroupShape

STOP_SECONDS = 10


class Commands:
    """What may be asked."""

    def __init__(self, appliance: Appliance) -> None:
        self._appliance = appliance

    def perform(self, order: dict[str, Any]) -> dict[str, Any]:
        return self._appliance.perform(Order.model_validate(order)).model_dump(mode="json")

    def source(self, machine_id: str) -> dict[str, Any]:
        return self._appliance.replication.get(machine_id).status().model_dump(mode="json")

    def replica(self, machine_id: str) -> dict[str, Any]:
        return self._appliance.host.get(machine_id).status().model_dump(mode="json")

    def common_point(self, group: dict[str, Any], budget_seconds: float) -> dict[str, Any]:
        shape = GroupShape.model_validate(group)
        common = self._appliance.groups.points.take(shape, budget=budget_seconds)
        return {"set_id": common.set_id, "reason": common.reason, "pause_seconds": common.pause_seconds}


def main() -> None:
    config = ApplianceConfig.load(Path(sys.argv[1]))
    answers = take_answers()
    appliance = Appliance(config, simulated.open_fabric(Path(sys.argv[2])))
    appliance.start()
    try:
        answer_all(Commands(appliance), answers)
    finally:
        appliance.stop(STOP_SECONDS)


if __name__ == "__main__":
    main()
