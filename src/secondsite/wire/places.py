"""Sites, their appliances and how their networks map, as the REST API shows them."""

from datetime import datetime

from pydantic import Field

from .bandwidth import BandwidthShape
from .base import Shape


class SiteCreate(Shape):
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")


class SiteShape(Shape):
    name: str
    fabric_kind: str | None
    appliances: tuple[str, ...]
    created_at: datetime
    bandwidth: BandwidthShape = BandwidthShape()
    bytes_per_second_now: int | None = None
    """What the schedule allows at this moment; None: no limit."""


class RegistrationKey(Shape):
    site: str
    key: str
    expires_at: datetime
    ca_fingerprint: str


class ApplianceShape(Shape):
    id: str
    name: str
    site: str
    connected: bool
    last_seen_at: datetime | None
    fabric_kind: str | None
    accelerated: bool | None
    data_addresses: tuple[str, ...]
    version: str | None
    store_free_bytes: int | None
    certificate_expires_at: datetime | None
    notes: tuple[str, ...] = ()


class EnrollRequest(Shape):
    key: str
    name: str
    csr_pem: str


class EnrollAnswer(Shape):
    appliance_id: str
    site: str
    certificate_pem: str
    ca_pem: str
    control_url: str


class NetworkMapping(Shape):
    source_site: str
    source_network: str
    target_site: str
    target_network: str
