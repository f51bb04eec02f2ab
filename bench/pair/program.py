"""The process: `python -m bench.pair.program FOLDER`, with the script in `FOLDER/script.json`."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path
from typing import cast

from bench.pair import answers
from bench.pair.order_desk import ScriptedDesk
from bench.pair.replicas import Replicas
from bench.pair.script import SITES, Script
from secondsite import __version__
from secondsite.appliance.control import Control, OrderDesk, Renewal, Reporter, enrollment
from secondsite.appliance.shared import ApplianceConfig, KnownVaults, Peers, State
from secondsite.appliance.source import Replication
from secondsite.appliance.target import ReplicaHost
from secondsite.ground.units import GiB
from secondsite.wire.common.hosts import HostCapacity, StoreSign
from secondsite.wire.common.stores import DEFAULT
from secondsite.wire.control import Hello
from secondsite.wire.control.orders import Kind

SCRIPT_FILE = "script.json"
LOST_FILE = "lost"
"""Once it is there, the last host is lost."""
READY_LINE = "pair ready"
LOOK_SECONDS = 0.2
MEMORY_BYTES = 2048 * GiB
CONNECT_SECONDS = 30.0


def main() -> int:
    folder = Path(sys.argv[1])
    script = Script.model_validate_json((folder / SCRIPT_FILE).read_text())
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    controls = [_appliance(script, host, folder / host) for host in script.keys]
    for control in controls:
        control.start()
    if not all(control.connected.wait(CONNECT_SECONDS) for control in controls):
        print(
            f"error: no connection to the vault at {script.url} in {CONNECT_SECONDS:.0f} s", file=sys.stderr
        )
        return 1
    print(READY_LINE, flush=True)
    while not ended.wait(LOOK_SECONDS):
        if (folder / LOST_FILE).exists():
            controls[-1].stop(2)
    for control in controls:
        control.stop(2)
    return 0


def _appliance(script: Script, name: str, home: Path) -> Control:
    """Enrolled, and ready to dial. Sources, replicas and desk fulfil what the product's code asks of its
    own."""
    config = enrollment.enroll(
        script.url, script.keys[name], script.fingerprint, f"appliance-{name}", home, store=home, scratch=home
    )
    site = answers.site(name, script.machines if name == SITES[0] else 0, Replicas(home))
    desk = ScriptedDesk(site, {Kind.START_REPLICA: script.starts.seconds}, script.starts.at_once)
    tls = Peers(config).tls
    return Control(
        KnownVaults(State(config.state_file), config.control_url), tls, cast(OrderDesk, desk),
        Renewal(tls, config.appliance_id, lambda _of_another_ca: None),
        lambda: _hello(config),
        lambda changes: Reporter(
            cast(Replication, site.sources), cast(ReplicaHost, site.replicas), desk.generations, changes,
            capacity=lambda: _capacity(script, name),
        ),
    )  # fmt: skip


def _capacity(script: Script, name: str) -> HostCapacity | None:
    """Of a host whose site has several: all of these reach each other's stores."""
    near = [each for each in script.keys if each[0] == name[0]]
    if len(near) == 1:
        return None
    return HostCapacity(
        vcpus=64, memory_bytes=MEMORY_BYTES, free_bytes=MEMORY_BYTES,
        signs=(StoreSign(store=DEFAULT, token=name),),
        proven=tuple(each for each in near if each != name),
    )  # fmt: skip


def _hello(config: ApplianceConfig) -> Hello:
    return Hello(
        appliance_id=config.appliance_id, site=config.site, version=__version__, fabric_kind="simulated",
        accelerated=True, data_addresses=("127.0.0.1:9445",), says_changes=True,
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
