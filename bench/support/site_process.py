"""`python -m bench.support.site_process CONFIG FABRIC_ROOT`: one appliance as a process, without a vault.

It takes requests as lines of JSON on its standard input (an order, or the question how a machine stands), answers
each on its standard output, and ends when its input does.
"""

from __future__ import annotations

import json
import sys
import uuid
from pathlib import Path
from typing import Any, TextIO

import structlog

from secondsite.appliance.appliance import Appliance
from secondsite.appliance.config import ApplianceConfig
from secondsite.fabrics import simulated
from secondsite.wire.control import Order
from secondsite.wire.replication import GroupShape


def main() -> None:
    config = ApplianceConfig.model_validate_json(Path(sys.argv[1]).read_text())
    answers, sys.stdout = sys.stdout, sys.stderr  # the log goes to standard output too, by default
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    appliance = Appliance(config, simulated.open_fabric(Path(sys.argv[2])))
    appliance.start()
    try:
        _say(answers, {"ready": True})
        for line in sys.stdin:
            _say(answers, _answer(appliance, json.loads(line)))
    finally:
        appliance.stop(10)


def _say(answers: TextIO, answer: dict[str, Any]) -> None:
    print(json.dumps(answer), file=answers, flush=True)


def _answer(appliance: Appliance, request: dict[str, Any]) -> dict[str, Any]:
    machine_id = request["machine_id"]
    if request["ask"] == "source":
        return appliance.replication.get(machine_id).status().model_dump(mode="json")
    if request["ask"] == "replica":
        return appliance.host.get(machine_id).status().model_dump(mode="json")
    if request["ask"] == "common_point":
        group = GroupShape.model_validate(request["group"])
        common = appliance.groups.points.take(group, budget=request["budget"])
        return {"set_id": common.set_id, "reason": common.reason, "pause_seconds": common.pause_seconds}
    report = appliance.perform(
        Order(
            order_id=uuid.uuid4().hex,
            kind=request["kind"],
            machine_id=machine_id,
            payload=request["payload"],
            deadline_seconds=request["deadline_seconds"],
        )
    )
    problem = report.problem.model_dump(mode="json") if report.problem else None
    return {"problem": problem, "facts": report.facts}


if __name__ == "__main__":
    main()
