"""The DNS server of this site that takes updates: the section `dns` of the appliance's settings."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, IPvAnyAddress

from ...domain.networks import names
from ...wire.common.base import Shape

DNS_PORT = 53
Zone = Annotated[str, AfterValidator(names.name)]


class Algorithm(StrEnum):
    SHA256 = "hmac-sha256"
    SHA384 = "hmac-sha384"
    SHA512 = "hmac-sha512"


class Transport(StrEnum):
    TCP = "tcp"
    UDP = "udp"


class NameServer(Shape):
    """The primary server of these zones, and the TSIG key that it takes updates with. The secret is in a file of its own, as base64."""

    server: IPvAnyAddress
    port: int = Field(DNS_PORT, ge=1, le=65535)
    transport: Transport = Transport.TCP
    zones: tuple[Zone, ...] = Field(min_length=1)
    """Only names in these zones are changed."""
    key_name: str = Field(min_length=1)
    algorithm: Algorithm = Algorithm.SHA256
    secret_file: Path
    ttl: int = Field(60, ge=1, le=86400)
    """Seconds for which others may remember an address."""
