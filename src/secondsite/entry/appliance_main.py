"""The commands of an appliance's own host: `secondsite appliance enroll`, `set-key`, `start-anyway`, `run`
and others."""

import contextlib
import getpass
import json
import re
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import structlog

from ..appliance import orders
from ..appliance.control import enrollment, reenrollment
from ..appliance.process import Appliance
from ..appliance.shared import ApplianceConfig, State, alone, alone_in_stores, home_reserve
from ..appliance.target import Custody, key_change, stores
from ..datapath.encryption import EncryptionKey, encryption_key
from ..datapath.errors import DatapathError, KeyMissing
from ..datapath.replica import replica
from ..domain import errors
from ..fabrics.calling import AgentCalls
from ..fabrics.interface import Fabric
from ..ground.durable import write
from ..ground.processes import collector, surroundings
from ..wire.common.stores import DEFAULT, NAME
from . import fabrics, logs

FABRIC_FILE = "fabric.json"
WORK_DIRECTORY = "fabric-work"
STOP_SECONDS = 20.0
ENDING_SECONDS = 30.0
"""How long a starting appliance waits for one that is stopping."""
LOOK_SECONDS = 2.0
"""How often a running appliance looks whether its home is still there."""
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Enrollment:
    """What a person gives to enroll an appliance; sizes in bytes, None keeps the default."""

    vault: str
    key: str
    fingerprint: str
    name: str
    home: Path
    fabric: str
    uri: str
    listen: str
    view_kind: str = fabrics.VIEW_KINDS[0]
    advertised: tuple[str, ...] = ()
    agents: str | None = None
    store: Path | None = None
    further_stores: tuple[str, ...] = ()
    scratch: Path | None = None
    seed_folders: tuple[Path, ...] = ()
    boot_folders: tuple[Path, ...] = ()
    scratch_budget_bytes: int | None = None
    inbox_budget_bytes: int | None = None
    journal_budget_bytes: int | None = None
    slice_bytes: int | None = None


def enroll(wanted: Enrollment) -> ApplianceConfig:
    """Makes the appliance known to its vault and writes its home; returns its configuration.

    Raises AlreadyExists for a home that has an appliance, RegistrationRefused, CertificateRefused, ...
    """
    home = wanted.home.absolute()
    if (home / FABRIC_FILE).exists():
        raise errors.AlreadyExists(
            f"{home} has an enrolled appliance already.",
            do=(
                "Start it: 'secondsite appliance run'; or give it a new key: 'secondsite appliance "
                "enroll-again --help'."
            ),
        )
    fabrics.require_kinds(wanted.fabric, wanted.view_kind)
    if wanted.agents is not None:
        fabrics.require_address(wanted.agents)
    host, port = _address(wanted.listen)
    further = dict(map(_further_store, wanted.further_stores))
    config = enrollment.enroll(
        wanted.vault,
        wanted.key,
        wanted.fingerprint,
        wanted.name,
        home,
        store=(wanted.store or home / "store").absolute(),
        scratch=(wanted.scratch or home / "scratch").absolute(),
        listen_port=port,
        advertised=wanted.advertised,
    )
    limits = {
        field: getattr(wanted, field)
        for field in ("scratch_budget_bytes", "inbox_budget_bytes", "journal_budget_bytes", "slice_bytes")
        if getattr(wanted, field) is not None
    }
    folders = {
        "seed_folders": tuple(folder.absolute() for folder in wanted.seed_folders),
        "stores": further,
        "boot_folders": tuple(folder.absolute() for folder in wanted.boot_folders),
    }
    config = config.model_copy(update={"listen_host": host, "agents": wanted.agents, **folders, **limits})
    config.save()
    chosen = {"kind": wanted.fabric, "uri": wanted.uri, "view_kind": wanted.view_kind}
    write(home / FABRIC_FILE, json.dumps(chosen, indent=2).encode())
    return config


def enroll_again(home: Path, vault: str, key: str, fingerprint: str) -> ApplianceConfig:
    """Gives a stopped appliance a new key and certificate under its own id; returns its configuration. Raises
    NotPossibleNow while the appliance runs, and as `enroll`."""
    home = home.absolute()
    config = ApplianceConfig.written(home)
    with alone(home):
        return reenrollment.enroll_again(config, vault, key, fingerprint)


def _address(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise errors.InvalidArgument(f"--listen is '{listen}'.", do="Give HOST:PORT, as in 0.0.0.0:9445.")
    return host.strip("[]"), int(port)


def _further_store(given: str) -> tuple[str, Path]:
    name, _, folder = given.partition("=")
    if not re.fullmatch(NAME, name) or name == DEFAULT or not folder:
        raise errors.InvalidArgument(
            f"--further-store is '{given}'.",
            do="Give NAME=FOLDER, as in fast=/srv/fast: a name of lower case letters, digits and dashes.",
        )
    return name, Path(folder).absolute()


def set_key(home: Path, source: Path | None) -> EncryptionKey:
    """Gives the appliance its key for encryption at rest: the one in `source`, or a new random one. An
    existing key is never replaced, since what is encrypted with it would be lost: raises AlreadyExists."""
    path = ApplianceConfig.load(home.absolute()).encryption_key
    try:
        wanted = None if source is None else encryption_key.load(source)
        if not path.exists():
            return encryption_key.make(path) if wanted is None else encryption_key.write(path, wanted.secret)
        there = encryption_key.load(path)
    except KeyMissing as problem:
        raise errors.InvalidArgument(problem.message, do=problem.do) from problem
    if wanted is not None and wanted.key_id == there.key_id:
        return there
    raise errors.AlreadyExists(
        f"The appliance has key {there.key_id} already, in {path}.",
        do="Keep it: replicas may be encrypted with it. If none is, move the file away first.",
    )


def change_key(home: Path, source: Path | None, key_file: Path | None) -> key_change.KeyChangeResult:
    """Gives all encrypted replicas of a stopped appliance a new key: the one in `source`, or a new random
    one. Raises NotPossibleNow while the appliance runs, or machines run on its replicas."""
    config = ApplianceConfig.load(home.absolute())
    path = key_file.absolute() if key_file is not None else config.encryption_key
    with alone(config.home), alone_in_stores(config):
        return key_change.change(config.store, path, source, stores.require_all(config)[1:])


def start_anyway(home: Path, machine: str, key_file: Path | None = None) -> str:
    """Starts the old copy of a machine against its fence while no appliance runs; returns a sentence. Raises
    NotPossibleNow while the appliance runs, or if nothing forbids the start."""
    with at_rest(home, key_file) as (config, _, fabric), contextlib.ExitStack() as stack:
        state = State(config.state_file)
        stack.callback(state.close)
        return orders.start_at_the_site(fabric, state, machine, f"{getpass.getuser()} at the site")


@contextlib.contextmanager
def at_rest(home: Path, key_file: Path | None) -> Iterator[tuple[ApplianceConfig, Custody, Fabric]]:
    """An appliance's settings, key and platform, locked for a person at its host. Raises NotPossibleNow while
    it runs."""
    logs.configure()
    config = ApplianceConfig.load(home.absolute())
    kept = key_change.take(key_file.absolute() if key_file is not None else config.encryption_key)
    with alone(config.home), alone_in_stores(config):
        fabric = _open_fabric(config, kept.key)
        try:
            yield config, kept, fabric
        finally:
            fabric.close()


def decrypt(source: Path, target: Path, key_file: Path) -> None:
    """Decrypts an encrypted file of a replica into a new file that only its owner can read. Raises
    InvalidArgument."""
    try:
        replica.decrypt(source.absolute(), target, encryption_key.load(key_file))
    except OSError as problem:
        raise errors.InvalidArgument(
            f"{problem.filename or source}: {problem.strerror or problem}.",
            do="Name a file of a replica, and a new file.",
        ) from problem
    except DatapathError as problem:
        raise errors.InvalidArgument(problem.message, do=problem.do) from problem


def run(home: Path, journal_budget_bytes: int | None = None, key_file: Path | None = None) -> None:
    """Serves until SIGTERM or SIGINT, then stops within about 20 seconds. Prints one line when ready. A
    journal budget or a key file that is given here applies to this process only."""
    logs.configure()
    home = home.absolute()
    ApplianceConfig.load(home)
    with alone(home, ENDING_SECONDS):
        _run_alone(home, journal_budget_bytes, key_file)


def _run_alone(home: Path, journal_budget_bytes: int | None, key_file: Path | None) -> None:
    reenrollment.finish(home)
    config = ApplianceConfig.load(home)
    if journal_budget_bytes is not None:
        config = config.model_copy(update={"journal_budget_bytes": journal_budget_bytes})
    kept = key_change.take(key_file.absolute() if key_file is not None else config.encryption_key)
    with alone_in_stores(config, ENDING_SECONDS):
        _serve(config, kept)


def _serve(config: ApplianceConfig, kept: Custody) -> None:
    fabric = _open_fabric(config, kept.key)
    wanted = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: wanted.set())
    appliance = Appliance(config, fabric, kept, _agent_calls(config))
    try:
        appliance.start()
        home_reserve.keep(config.home)
        collector.spare_what_is_here()
        surroundings.tell_ready(f"appliance ready {', '.join(appliance.data_addresses)}")
        while not wanted.wait(LOOK_SECONDS):
            appliance.state.require_own_file()
    finally:
        appliance.stop(STOP_SECONDS)
        fabric.close()


def _agent_calls(config: ApplianceConfig) -> Callable[[], AgentCalls] | None:
    """What opens the port for agents of machines that are moved here, if there is to be one; while it cannot,
    the rest works as well."""
    kind = json.loads((config.home / FABRIC_FILE).read_bytes())["kind"]
    at = config.agents
    return None if at is None or kind == "agent" else lambda: fabrics.open_agent_calls(config.home, at)


def _open_fabric(config: ApplianceConfig, key: EncryptionKey | None) -> Fabric:
    home, own = config.home, (config.home, *config.all_stores.values(), config.scratch)
    try:
        chosen = json.loads((home / FABRIC_FILE).read_text())
        view_kind = chosen.get("view_kind", fabrics.VIEW_KINDS[0])
        return fabrics.open_fabric(
            chosen["kind"], chosen["uri"], home / WORK_DIRECTORY, own, key, config.boot_folders, view_kind
        )
    except FileNotFoundError:
        raise errors.NotFound(
            f"There is no enrolled appliance in {home}.",
            do="Enroll it first: 'secondsite appliance enroll --help'.",
        ) from None
    except (ValueError, KeyError) as error:
        raise errors.InvalidArgument(f"{home / FABRIC_FILE} is not valid: {error!r}.") from error
