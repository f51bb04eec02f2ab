"""Sites, their appliances and how their networks map, as the REST API shows them."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, Field

from ..common.bandwidth import BandwidthShape
from ..common.base import SITE_NAME, Editable, Problem, Shape
from ..common.disk_places import DiskPlace
from ..common.hosts import HostCapacity
from ..common.machines import DiscoveredMachine, NetworkInfo
from ..common.stores import StoreSpace
from .errors import Page
from .machines import Machine
from .verification import VerificationShape


class SiteCreate(Shape):
    """A new site."""

    name: str = Field(pattern=SITE_NAME)
    """Lower case letters, digits and dashes, at most 63."""


class Site(Editable):
    """A place with hypervisors."""

    name: str
    """Its name in all calls."""
    fabric_kind: str | None = None
    """The kind of platform there, as its appliances report: libvirt, simulated. Null before the first one
    connected."""
    appliances: tuple[str, ...] = ()
    """Ids of the appliances that are enrolled there."""
    created_at: AwareDatetime
    """When the site was made (UTC)."""
    bandwidth: BandwidthShape = BandwidthShape()
    """How fast the site may send."""
    bytes_per_second_now: int | None = None
    """What the schedule allows now; null: no limit."""
    verification: VerificationShape = VerificationShape()
    """What it gives to copies of recovery points that are booted only to be looked at."""

    def edited(self) -> Mapping[str, object]:
        return self.model_dump(mode="json", include={"name", "created_at", "bandwidth", "verification"})


class SitePage(Page[Site]):
    """Sites, by name."""


class RegistrationKey(Shape):
    """Enrolls one appliance. It is shown this once."""

    site: str
    """The site of the appliance."""
    replaces: str | None = None
    """The id of the appliance that is replaced under it; null: the key enrolls a new one."""
    key: str
    """Give it to 'appliance enroll' at the site."""
    expires_at: AwareDatetime
    """When it expires (UTC)."""
    ca_fingerprint: str
    """What the appliance compares before it trusts the vault: sha256 of the CA's certificate, 64 hex
    digits."""


class ReplacementKeyCreate(Shape):
    """An appliance was stolen or lost: the one that enrolls with the new key takes its place."""

    refuse_now: bool = False
    """Whether its present key is refused at once, and not only after the enrollment."""


class Appliance(Shape):
    """Our agent beside a site's hypervisors."""

    id: str
    """Given when it enrolled; it is in its certificate."""
    name: str
    """As it was named when it enrolled; several may have the same name."""
    site: str
    """The site that it serves."""
    connected: bool
    """Whether it has a connection to the vault now."""
    last_seen_at: AwareDatetime | None = None
    """When it was last heard from (UTC)."""
    fabric_kind: str | None = None
    """The kind of platform at its site; null before it first connected."""
    accelerated: bool | None = None
    """Whether its machines run on KVM; false: they are emulated."""
    data_addresses: tuple[str, ...] = ()
    """host:port where appliances of other sites reach it, best first."""
    version: str | None = None
    """The version of its program."""
    store_free_bytes: int | None = None
    """Free space in its default store."""
    stores: tuple[StoreSpace, ...] = ()
    """Its stores, in which replicas are kept, the default one first; empty for an older appliance."""
    host: str | None = None
    """The name of the host that it runs on; null for an older appliance."""
    capacity: HostCapacity | None = None
    """What that host has for machines, as it was last reported; null for an older appliance."""
    reaches: tuple[str, ...] = ()
    """The appliances of its site that share a store with it, by name: it can take over their replicas."""
    drained_at: AwareDatetime | None = None
    """Since when nothing new is placed there, and replicas are moved away where that can be done (UTC);
    null: it is not drained."""
    certificate_expires_at: AwareDatetime | None = None
    """When its certificate expires (UTC); it renews it by itself."""
    notes: tuple[str, ...] = ()
    """What it found at its own site, as sentences."""


class DrainedAppliance(Appliance):
    """An appliance that is drained, and what becomes of what lies there."""

    job_id: str | None = None
    """The job by which other hosts take over the replicas that lie there, in stores that they reach; null:
    there is none to move."""
    stays: tuple[str, ...] = ()
    """What stays there, and why, in sentences."""


def _one_line(name: str) -> str:
    if not name.isprintable() or name != name.strip() or name.startswith("-"):
        raise ValueError(
            "a name is one line that can be read, without blanks around it, and begins with no '-'"
        )
    return name


class EnrollRequest(Shape):
    """An appliance asks to be enrolled."""

    key: str
    """The registration key."""
    name: Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_one_line)]
    """The name of the appliance, for people."""
    csr_pem: str
    """A certificate request (PEM) for the appliance's own key."""
    appliance_id: str | None = None
    """The id that it has already: a key that does not replace this appliance is refused, and not used up."""


class EnrollAnswer(Shape):
    """An appliance has been enrolled."""

    appliance_id: str
    """Its id from now on."""
    site: str
    """The site that the key was made for."""
    certificate_pem: str
    """Its certificate."""
    ca_pem: str
    """The CA that it trusts from now on."""
    control_url: str
    """Where it dials: wss://..."""


class SitePair(Editable):
    """Two sites between which machines move, and what holds in both directions."""

    first: str
    """The site whose name comes first in the alphabet."""
    second: str
    """The other one."""
    reverse_after_commit: bool = True
    """Whether a machine that a planned failover moved between them is protected back by itself once that
    is committed."""
    settle: dict[str, DiskPlace] = Field(default_factory=dict)
    """By site: where the disks of a machine move by themselves that a commit has left there."""


class SitePairChange(Shape):
    """What is to hold between two sites."""

    reverse_after_commit: bool
    """Whether a machine that a planned failover moved between them is protected back by itself once that
    is committed."""
    settle: dict[str, DiskPlace] = Field(default_factory=dict, max_length=2)
    """By site: where the disks of a machine move by themselves that a commit has left there."""


class NetworkMappings(Editable):
    """The mappings between sites that were asked for."""

    mappings: tuple["NetworkMapping", ...]
    """By site and network."""


class NetworkMapping(Shape):
    """Which network a machine is connected to at another site, by its network at the first one."""

    source_site: str
    """Where the machine comes from."""
    source_network: str
    """Its network there."""
    target_site: str
    """Where it is started."""
    target_network: str
    """Its network there."""


# What sites have, in the REST API: as their appliances report now, or as the vault last saw it.


class SiteReading(Shape):
    """Something about a site. Without a `problem` its appliances reported it just now."""

    site: str
    """The site's name."""
    problem: Problem | None = None
    """Why the site could not be asked now."""
    seen_at: AwareDatetime | None = None
    """With a `problem`: when the site was last asked (UTC) and had what is shown; null if it was never
    asked."""


class SiteNetworks(SiteReading):
    """The networks of a site."""

    networks: tuple[NetworkInfo, ...]
    """By name."""
    mappings: tuple[NetworkMapping, ...] = ()
    """From this site's networks to those of others."""


class SiteInventory(SiteReading):
    """All machines of a site."""

    machines: tuple[DiscoveredMachine, ...]
    """By name."""


class SiteMachines(SiteReading):
    """The unprotected machines of a site."""

    machines: tuple[Machine, ...]
    """By name."""
