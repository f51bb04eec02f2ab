"""The DNS server of this site that takes updates: the section `dns` of the appliance's settings."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, IPvAnyAddress

from ...domain.networks import names
from ...wire.common.base import Shape

DNS_PORT = 53
Zone = Annotated[str, AfterValidator(names.name)]


Algorithm = Literal["hmac-sha256", "hmac-sha384", "hmac-sha512"]
Transport = Literal["tcp", "udp"]


class NameServer(Shape):
    """The primary server of these zones, and the TSIG key that it takes updates with. The secret is in a
    file of its own, as base64."""

    server: IPvAnyAddress
    port: int = Field(DNS_PORT, ge=1, le=65535)
    transport: Transport = "tcp"
    zones: tuple[Zone, ...] = Field(min_length=1)
    """Only names in these zones are changed."""
    key_name: str = Field(min_length=1)
    algorithm: Algorithm = "hmac-sha256"
    secret_file: Path
    ttl: int = Field(60, ge=1, le=86400)
    """Seconds for which others may remember an address."""
