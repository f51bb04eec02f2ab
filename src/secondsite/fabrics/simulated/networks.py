"""Networks of a simulated site: records only, without traffic."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from ...domain import errors
from ...wire.common.machines import NetworkInfo, NetworkService
from ..interface import LocalSpan, Obstacle
from .host import files
from .host.faults import Faults
from .host.records import KIND

LOOPBACK = "127.0.0.1"


class SimulatedNetworks:
    def __init__(self, root: Path, faults: Faults) -> None:
        self._folder = root / "networks"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._faults = faults

    def list(self) -> Sequence[NetworkInfo]:
        with self._faults.around("networks.list"):
            found = (self._get(path.stem) for path in sorted(self._folder.glob("[!.]*.json")))
            return [network for network in found if network is not None]

    def create_isolated(self, name: str, tag: str, span: LocalSpan | None = None) -> NetworkInfo:
        with self._faults.around("networks.create_isolated"):
            found = self._get(name)
            if found is not None and found.tag != tag:
                raise errors.NotOurs(f"Network '{name}' is there already and not ours.")
            if span is not None:
                self.segment_mtu(span.own)
                files.replace(self._spans(name), json.dumps(asdict(span)))
            return found or self.add(NetworkInfo(name=name, kind=KIND, isolated=True, tag=tag))

    def segment_mtu(self, address: str) -> int:
        with self._faults.around("networks.segment_mtu"):
            there = self._segments()
            if address not in there:
                raise errors.NotPossibleNow(
                    f"No interface of this host has the address {address}.", do="Name another drill segment."
                )
            return there[address]

    def _segments(self) -> Mapping[str, int]:
        """The MTU by address: the loopback's, and those in a file `segments` in the site's folder, a line for
        each."""
        file = self._folder.parent / "segments"
        lines = file.read_text().splitlines() if file.exists() else []
        return {LOOPBACK: 65536} | {address: int(mtu) for address, mtu in map(str.split, lines)}

    def cannot_serve(self, subnet: str | None = None, own: Collection[str] = ()) -> Obstacle | None:
        return None

    def serve(self, name: str, tag: str, serving: NetworkService, span: LocalSpan | None = None) -> None:
        with self._faults.around("networks.serve"):
            found = self._get(name)
            if found is None:
                raise errors.NotFound(f"There is no network '{name}'.")
            if found.tag != tag:
                raise errors.NotOurs(f"Network '{name}' is not ours.")
            files.replace(self._path(name).with_suffix(".serving"), serving.model_dump_json())

    def remove(self, name: str, tag: str) -> None:
        with self._faults.around("networks.remove"):
            found = self._get(name)
            if found is not None and found.tag != tag:
                raise errors.NotOurs(f"Network '{name}' is not ours.")
            self._path(name).with_suffix(".serving").unlink(missing_ok=True)
            self._spans(name).unlink(missing_ok=True)
            self._path(name).unlink(missing_ok=True)

    def reservations(self, name: str) -> Mapping[str, str] | None:
        """The reservations of a network, from a file `NAME.reserved` beside it; None without the file: it has
        no DHCP server."""
        with self._faults.around("networks.reservations"):
            file = self._reserved(name)
            found: dict[str, str] | None = json.loads(file.read_text()) if file.exists() else None
            return found

    def reserve(self, name: str, mac: str, address: str, host: str) -> None:
        with self._faults.around("networks.reserve"):
            there = dict(self.reservations(name) or {})
            if address in (each for its_mac, each in there.items() if its_mac != mac):
                raise errors.FabricError(f"{address} is another card's")
            files.replace(self._reserved(name), json.dumps({**there, mac: address}))

    def unreserve(self, name: str, mac: str, address: str) -> None:
        with self._faults.around("networks.unreserve"):
            there = dict(self.reservations(name) or {})
            if there.get(mac) == address:
                del there[mac]
                files.replace(self._reserved(name), json.dumps(there))

    def _spans(self, name: str) -> Path:
        return self._path(name).with_suffix(".spans")

    def _reserved(self, name: str) -> Path:
        return self._path(name).with_suffix(".reserved")

    def add(self, network: NetworkInfo) -> NetworkInfo:
        """Add a network of the site's owner."""
        files.replace(self._path(network.name), network.model_dump_json())
        return network

    def _get(self, name: str) -> NetworkInfo | None:
        try:
            return NetworkInfo.model_validate_json(self._path(name).read_bytes())
        except FileNotFoundError:
            return None

    def _path(self, name: str) -> Path:
        if not name or "/" in name or name.startswith("."):
            raise errors.InvalidArgument(f"'{name}' is not a valid network name.")
        return self._folder / f"{name}.json"
