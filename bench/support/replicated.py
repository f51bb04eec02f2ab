"""Machines of a rig that are replicated from site a to site b: a real guest of its own, and how far the
target is."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from datetime import UTC, datetime
from typing import Any

import guestkit
from rig import GuestMachine, Rig
from secondsite.appliance.shared.config import ApplianceConfig
from secondsite.domain.lifecycle import Verb
from secondsite.wire import rest

NAME = "bench"
BOOT_SECONDS = 180


def guest(rig: Rig, workload: guestkit.Workload, disk_bytes: int, policy: rest.PolicyCreate) -> GuestMachine:
    """The guest, booted and whole at the target; opens the rig."""
    made: list[GuestMachine] = []

    def furnish(site: str) -> None:
        if site == "a":
            home = rig.home("appliance-a")
            made.append(
                GuestMachine.make(NAME, home, rig.bridge("a"), disk_bytes=(disk_bytes,), workload=workload)
            )
            made[0].console.wait_for_boot(1, BOOT_SECONDS)

    rig.open(furnish=furnish)
    with rig.client() as vault:
        vault.policies.create(**policy.model_dump())
    request = rest.EnableProtection(machines=(NAME,), source_site="a", target_site="b", policy=policy.name)
    rig.must(Verb.ENABLE_PROTECTION, request)
    return made[0]


def machine_id(rig: Rig, name: str = NAME) -> str:
    """The vault's id of a machine."""
    with rig.client() as vault:
        return vault.machines[name].show().id


def processed_seq(rig: Rig, machine_id: str) -> int:
    """The newest processed cycle of a machine, as the target records it: to ask costs no process anything."""
    record = rig.home("appliance-b") / "store" / "replicas" / machine_id / "replica.json"
    return int(json.loads(record.read_text())["processed_seq"])


class Processed:
    """How far an appliance's replicas are, from its files: to ask costs no process anything."""

    def __init__(self, target: ApplianceConfig) -> None:
        self._target = target

    def at(self, machine_id: str) -> datetime:
        """The instant that LATEST would start from."""
        state = self._record(machine_id)
        said = self._unchanged(machine_id, state["epoch"], state["processed_seq"])
        return datetime.fromisoformat(said or state["processed_taken_at"])

    def _record(self, machine_id: str) -> dict[str, Any]:
        path = self._target.store / "replicas" / machine_id / "replica.json"
        found: dict[str, Any] = json.loads(path.read_text())
        return found

    def _unchanged(self, machine_id: str, epoch: int, seq: int) -> str | None:
        """Until when the machine wrote nothing since that cycle, if its source has said so."""
        query = "SELECT taken_at FROM unchanged WHERE machine_id = ? AND epoch = ? AND seq = ?"
        with contextlib.closing(sqlite3.connect(f"file:{self._target.state_file}?mode=ro", uri=True)) as db:
            row = db.execute(query, (machine_id, epoch, seq)).fetchone()
        return row[0] if row else None

    def age_seconds(self, machine_id: str) -> float:
        return (datetime.now(UTC) - self.at(machine_id)).total_seconds()
