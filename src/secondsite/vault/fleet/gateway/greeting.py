"""An appliance's first message, compared with the certificate that it has shown."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import pydantic
from cryptography import x509
from cryptography.x509.oid import NameOID
from websockets.asyncio.server import ServerConnection

from .... import __version__
from ....domain import errors
from ....ground import certificates
from ....ground.plural import counted
from ....ground.units import KiB
from ....wire import control
from ....wire.control.protocols import RELEASES_APART, SPOKEN, ProtocolVersions
from ....wire.control.reports import first_of
from ...interfaces import Admit

HELLO_WITHIN_SECONDS = 10.0
LONGEST_HELLO = 64 * KiB
"""The longest first message, in bytes. Before it a connection may be that of an appliance which no longer
counts."""
NUL, SHOWN = r"\u0000", r"\ufffd"
_BACKSLASH, _UNUSED = r"\\", "\0"
"""For JSON: a backslash, and a character that cannot occur in it. A regular expression took 60 bytes for each
backslash of a text."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What a certificate that TLS has verified says: the appliance's id, and the SHA-256 of its public
    key."""

    name: str
    key_sha256: str


class Greeting:
    """Checks the first message of a connection. `admit` raises unless the key is that of an enrolled
    appliance; `hear_number` takes the vault's number that the appliance was told, before it is given any
    order."""

    def __init__(self, admit: Admit, hear_number: Callable[[str, int], None]) -> None:
        self._admit = admit
        self._hear_number = hear_number

    async def hello(self, connection: ServerConnection) -> control.Hello | control.WayHello:
        """The appliance's Hello, or that of a way into a drill; raises CertificateRefused or
        InvalidArgument."""
        async with asyncio.timeout(HELLO_WITHIN_SECONDS):
            text = await connection.recv()
        hello = parse(text) if isinstance(text, str) and len(text) <= LONGEST_HELLO else None
        if isinstance(hello, control.WayHello):
            await self._know(hello, identity(connection))
            return hello
        if not isinstance(hello, control.Hello):
            raise errors.InvalidArgument(
                "The first message must be a hello.", do="Use a secondsite appliance."
            )
        await self._check(hello, identity(connection))
        return hello

    async def again(self, connection: ServerConnection) -> None:
        """Checks the key again once the connection can be ended from outside: it may have been replaced
        since. Raises CertificateRefused."""
        shown = identity(connection)
        await asyncio.to_thread(self._admit, shown.name, shown.key_sha256)

    async def _know(self, hello: control.Hello | control.WayHello, shown: Identity) -> None:
        if shown.name != hello.appliance_id:
            raise errors.CertificateRefused(
                f"The certificate is for '{shown.name}', not for '{hello.appliance_id}'."
            )
        await asyncio.to_thread(self._admit, shown.name, shown.key_sha256)

    async def _check(self, hello: control.Hello, shown: Identity) -> None:
        await self._know(hello, shown)
        _require_common(hello)
        await asyncio.to_thread(self._hear_number, hello.appliance_id, hello.vault_number)


def kept(text: str) -> str:
    """The text as PostgreSQL can keep it: NUL, which it cannot, becomes a replacement character. Output of a
    service or a script may have one, and the step that was to record it failed."""
    if NUL not in text or _UNUSED in text:
        return text
    return text.replace(_BACKSLASH, _UNUSED).replace(NUL, SHOWN).replace(_UNUSED, _BACKSLASH)


def _require_common(hello: control.Hello) -> None:
    """Raises InvalidArgument for an appliance of a release that is too far from the vault's to be
    understood."""
    theirs = ProtocolVersions.said(hello.protocol, hello.oldest_protocol)
    if SPOKEN.common(theirs) is None:
        is_older = theirs.newest < SPOKEN.newest
        raise errors.InvalidArgument(
            f"Appliance '{hello.appliance_id}' of site {hello.site}, release {hello.version}, understands "
            f"protocol {theirs}, this vault, release {__version__}, {SPOKEN}: they are more than "
            f"{RELEASES_APART} releases apart.",
            do=f"Upgrade the {'appliance' if is_older else 'vault'}; if it is many releases behind, go by "
            f"releases that are at most {RELEASES_APART} apart, all of vault and appliances to each.",
        )


def parse(text: str) -> control.Message:
    """The message; raises InvalidArgument for one that cannot be read."""
    try:
        return control.parse(kept(text))
    except pydantic.ValidationError as error:
        said = first_of(error)
        raise errors.InvalidArgument(
            f"A message cannot be read: {counted(error.error_count(), 'error')}, {said}"
        ) from error


def identity(connection: ServerConnection) -> Identity:
    """What the connection's certificate says; an empty identity without one."""
    tls = connection.transport.get_extra_info("ssl_object")
    der: bytes | None = tls.getpeercert(binary_form=True) if tls else None
    if der is None:
        return Identity("", "")
    names = x509.load_der_x509_certificate(der).subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return Identity(str(names[0].value) if names else "", certificates.key_of(der))
