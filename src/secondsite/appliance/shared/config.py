"""Settings of one appliance: a JSON file in its home folder, a TOML file beside it, and the environment."""

import itertools
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from ...domain import errors
from ...domain.networks import addresses
from ...ground import durable
from ...ground.processes import layered
from ...ground.units import DAY, HOUR, GiB
from ...wire.common.base import Shape
from ...wire.common.stores import DEFAULT, StoreName
from . import private_folders
from .name_server import NameServer

NAME = "appliance"
FILE = "appliance.json"
FIXED = frozenset({"appliance_id", "name", "site", "home", "control_url"})
"""What it is, as its vault knows it."""
LEAST_COMPARED = 10_000_000
"""The fewest bytes per second at which disks are compared: less would look like silence to the peer."""


class ApplianceConfig(Shape):
    """Paths, addresses and limits of one appliance; sizes in bytes, spans in seconds.

    `scratch_budget_bytes` is per machine: a cycle that uses more than 80 % of it is given up (P1).
    `slice_bytes` is the most that one cycle copies in a pass over whole disks, so that no job stays open for
    hours; usually its duration ends a slice before that."""

    appliance_id: str
    name: str
    site: str
    home: Path
    store: Path
    stores: dict[StoreName, Path] = Field(default_factory=dict)
    """Further stores, by name: folders on other file systems in which replicas may be kept. `store` is the
    one named default."""
    scratch: Path
    scratch_budget_bytes: int = 4 * GiB
    inbox_budget_bytes: int = 16 * GiB
    journal_budget_bytes: int = 2 * GiB
    """The most bytes in the journal of one machine. The oldest cycles are dropped first, and all of them
    before the store is full."""
    slice_bytes: int = 1 * GiB
    listen_host: str = "0.0.0.0"
    listen_port: int = 9445
    advertised: tuple[str, ...] = ()
    """host:port at which appliances of other sites reach this one, best first; empty: the listening
    address."""
    agents: str | None = None
    """HOST:PORT at which agents may call that are in machines which were failed over to here; None: none may.
    An appliance of the fabric 'agent' ignores it."""
    agent_registers_seconds: float = Field(600, ge=0)
    """So long such an agent has from the start of its machine; then that it did not call is a finding."""
    control_url: str | None = None
    cycles_at_once: int = 2
    appliers: int = 2
    orders_at_once: int = 8
    cycle_deadline_seconds: float = 900
    peer_idle_seconds: float = 30
    bandwidth_bytes_per_second: int | None = None
    """This appliance's own limit, whatever the site's schedule allows."""
    compare_bytes_per_second: int = Field(100_000_000, ge=0)
    """Bytes per second at which disks of machines that run here are read to compare them, all together, after
    the first ten seconds at full speed. At least 10 MB/s; 0: as fast as possible."""
    rolling_scan_percent_a_day: float = Field(5.0, ge=0, le=100)
    """Where tracking may miss a write, so much of each machine's disks is compared in a day with what its
    target has; 0: nothing."""
    certificate_check_seconds: float = 3600
    seed_folders: tuple[Path, ...] = ()
    """This appliance's own limit in bytes per second, whatever the site's schedule allows; None: no limit of
    its own."""
    script_folder: Path | None = None
    """The folder with scripts that recovery plans may run here, by their file names; None: no script is
    run."""
    dns: NameServer | None = None
    """The DNS server at which names of machines that run here are changed; None: no name is changed."""
    boot_folders: tuple[Path, ...] = ()
    """Folders of kernels. A machine from another site boots no other file of this host."""
    kernel_root: Path = Path("/")
    """Below this folder, in boot and lib/modules, lies the kernel of the helper machines that read files out
    of points."""
    scrub_bytes_per_second: int = 20_000_000
    """Bytes per second at which points and the journal are reread in the background to find damage; 0:
    never."""
    scrub_rest_seconds: float = 60
    scrub_again_seconds: float = 7 * DAY
    """An intact point is read again after this time."""
    scrub_journal_again_seconds: float = HOUR
    """The same for cycles of the journal, which are kept only briefly."""
    deletion_delay_seconds: float = Field(14 * DAY, ge=0)
    """How many seconds this site keeps what the vault has deleted: replicas whose protection ended, and the
    points that a lowered retention, a released hold or a commit would remove. Counted by the uptime of this
    host; 0: nothing is kept."""
    minimum_retention_seconds: int = Field(0, ge=0)
    """The retention of all replicas here is at least this many seconds, whatever the vault's policies say."""
    drill_segment: Annotated[str, AfterValidator(addresses.plain)] | None = None
    """This host's IPv4 address on the network between hosts over which a drill's network spans hosts; None:
    it spans none."""
    most_disks_home: int = Field(60, ge=0)
    """How many disks of machines may come home to this appliance at once. The vault asks for this number
    before a reprotect; 0: any number."""
    encryption_key_file: Path | None = None
    """The key file for encryption at rest, if not in the home folder."""

    @property
    def compare_rate(self) -> int | None:
        """The limit of `compare_bytes_per_second`; None without one."""
        rate = self.compare_bytes_per_second
        return max(rate, LEAST_COMPARED) if rate else None

    @property
    def all_stores(self) -> dict[str, Path]:
        """All stores by name, the default one first."""
        return {DEFAULT: self.store, **self.stores}

    @property
    def ca(self) -> Path:
        return self.home / "tls" / "ca.pem"

    @property
    def certificate(self) -> Path:
        return self.home / "tls" / "cert.pem"

    @property
    def key(self) -> Path:
        return self.home / "tls" / "key.pem"

    @property
    def encryption_key(self) -> Path:
        return self.encryption_key_file or self.home / "encryption.key"

    @property
    def state_file(self) -> Path:
        return self.home / "appliance.db"

    def save(self) -> None:
        """Write the configuration to the home folder, durably."""
        durable.write(self.home / FILE, self.model_dump_json(indent=2).encode())

    @classmethod
    def load(cls, home: Path, environ: Mapping[str, str] = os.environ) -> "ApplianceConfig":
        """The configuration in `home`; raises NotFound before enrollment and InvalidArgument for a broken
        one."""
        try:
            return cls._checked(home, layered.values(cls.said(home, environ)))
        except FileNotFoundError:
            raise _not_enrolled(home) from None
        except ValueError as problem:
            raise errors.InvalidArgument(
                f"The settings of the appliance in {home} are not valid: {problem}",
                do=f"Correct {home / FILE}, or what is said beside it, in {NAME}.toml or by a variable.",
            ) from None

    @classmethod
    def written(cls, home: Path) -> "ApplianceConfig":
        """What the JSON file alone says: for whoever writes it anew. Raises as `load`."""
        try:
            return cls._checked(home, json.loads((home / FILE).read_text()))
        except FileNotFoundError:
            raise _not_enrolled(home) from None
        except ValueError as problem:
            raise errors.InvalidArgument(
                f"{home / FILE} is not valid: {problem}", do=f"Correct {home / FILE}."
            ) from None

    @classmethod
    def said(cls, home: Path, environ: Mapping[str, str] = os.environ) -> dict[str, layered.Setting]:
        """What is said of its settings, and by whom. Raises FileNotFoundError, ValueError."""
        return layered.read(home, NAME, cls.model_fields, FIXED, environ)

    @classmethod
    def _checked(cls, home: Path, said: dict[str, Any]) -> "ApplianceConfig":
        found = cls.model_validate({**said, "home": home})
        _require_apart(found)
        return found

    def make_folders(self) -> None:
        """Make private folders: they contain guests' data. Permissions of the hypervisor's group stay."""
        private_folders.make(
            (self.home, self.store, self.scratch),
            (self.store / "replicas", self.store / "daemon", self.scratch),
        )


def _not_enrolled(home: Path) -> errors.NotFound:
    return errors.NotFound(
        f"There is no appliance configuration at {home / FILE}.",
        do="Enroll the appliance first: 'secondsite appliance enroll --help'.",
    )


def _require_apart(config: ApplianceConfig) -> None:
    """Raises ValueError for stores that are not folders of their own."""
    if DEFAULT in config.stores:
        raise ValueError(f"the store '{DEFAULT}' is the folder 'store', and is not among 'stores'")
    roots = [path.absolute() for path in config.all_stores.values()]
    if any(one.is_relative_to(other) for one, other in itertools.permutations(roots, 2)):
        raise ValueError("a store lies in the folder of another one")
