"""Addresses that machines with a guest agent are given; they lie in a file beside the machines."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from ...domain import errors
from ...wire.common.cards import CardAddress
from ..interface import PowerState
from .host.faults import Faults
from .host.host import Host


class SimulatedAddressing:
    def __init__(self, host: Host, faults: Faults) -> None:
        self._host = host
        self._faults = faults

    def give(self, fabric_id: str, wanted: CardAddress, seconds: float) -> str:
        with self._faults.around("addressing.give", fabric_id):
            self._require_agent(fabric_id)
            folder = self._host.root / "addresses"
            folder.mkdir(exist_ok=True)
            (folder / fabric_id).write_text(json.dumps(wanted.model_dump(mode="json")))
        return "eth0"

    def told(self, fabric_id: str) -> Mapping[str, Sequence[str]]:
        with self._faults.around("addressing.told", fabric_id):
            self._require_agent(fabric_id)
            file = self._host.root / "addresses" / fabric_id
            if not file.exists():
                return {}
            given = CardAddress.model_validate_json(file.read_text())
            return {given.mac: [given.address.partition("/")[0]]}

    def _require_agent(self, fabric_id: str) -> None:
        record = self._host.records.need(fabric_id)
        if self._host.state(record) is not PowerState.RUNNING or not record.traits.guest_agent:
            raise errors.FabricError("its guest agent does not answer")
