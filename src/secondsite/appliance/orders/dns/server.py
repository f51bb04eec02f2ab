"""Queries and updates of the site's DNS server: every message is signed with its key (TSIG), and so is every
answer."""

from dataclasses import dataclass

import dns.exception
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsig
import dns.update

from ....domain import errors
from ...shared import NameServer
from . import secret

CHANGED_MEANWHILE = frozenset({dns.rcode.NXRRSET, dns.rcode.YXRRSET, dns.rcode.YXDOMAIN, dns.rcode.NXDOMAIN})
FOR_GOOD = frozenset(
    {dns.rcode.REFUSED, dns.rcode.NOTAUTH, dns.rcode.NOTZONE, dns.rcode.NOTIMP, dns.rcode.FORMERR}
)
NOT_OURS = "it does not accept our key"


class NoAnswer(Exception):
    """The server did not answer, or the name changed meanwhile: another try may succeed."""


class NameRefused(Exception):
    """The server refuses: no other try will succeed, unless somebody changes something."""


@dataclass(frozen=True, slots=True)
class NameEntry:
    """What a name has now. `alias`: it is an alias of this other name (CNAME), and has no addresses of its
    own."""

    addresses: tuple[str, ...] = ()
    alias: str | None = None


class Server:
    def __init__(self, settings: NameServer) -> None:
        """The server with these settings. Raises Refused if its secret cannot be read."""
        self._settings = settings
        try:
            found = secret.read(settings.secret_file)
        except errors.SecondsiteError as problem:
            raise NameRefused(f"{problem.message} {problem.do}") from None
        self._key = dns.tsig.Key(settings.key_name, found, settings.algorithm)

    def look(self, name: str, kind: str, seconds: float) -> NameEntry:
        """What the name has now. Raises Unanswered, Refused."""
        asked = dns.name.from_text(name)
        answer = self._ask(dns.message.make_query(asked, kind, flags=0), seconds)
        if answer.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
            raise self._problem(answer.rcode())
        own = [each for each in answer.answer if each.name == asked]
        for each in own:
            if each.rdtype == dns.rdatatype.CNAME:
                return NameEntry(alias=str(each[0].target).removesuffix("."))
        wanted = dns.rdatatype.from_text(kind)
        return NameEntry(tuple(sorted(str(item) for each in own if each.rdtype == wanted for item in each)))

    def replace(self, name: str, zone: str, before: str | None, address: str, seconds: float) -> None:
        """Let the name have this address, only if it still has nothing but `before` (None: no address and no
        alias). Raises Unanswered, also for a name that was changed meanwhile, and Refused."""
        asked = dns.name.from_text(name)
        change = dns.update.UpdateMessage(dns.name.from_text(zone))
        change.absent(asked, "CNAME")
        if before is None:
            change.absent(asked, "A")
        else:
            change.present(asked, "A", before)
        change.replace(asked, self._settings.ttl, "A", address)
        rcode = self._ask(change, seconds).rcode()
        if rcode in CHANGED_MEANWHILE:
            raise NoAnswer("it was changed meanwhile")
        if rcode != dns.rcode.NOERROR:
            raise self._problem(rcode)

    def _ask(self, message: dns.message.Message, seconds: float) -> dns.message.Message:
        message.use_tsig(self._key)
        where, port = str(self._settings.server), self._settings.port
        way = dns.query.tcp if self._settings.transport == "tcp" else dns.query.udp
        try:
            answer = way(message, where, timeout=seconds, port=port)
        except (dns.tsig.PeerError, dns.tsig.BadSignature, dns.message.UnknownTSIGKey) as problem:
            raise NameRefused(f"{self._who}: {NOT_OURS} ({type(problem).__name__})") from None
        except dns.exception.Timeout:
            raise NoAnswer(f"{self._who} does not answer") from None
        except (OSError, EOFError, dns.exception.DNSException) as problem:
            raise NoAnswer(f"{self._who}: {problem or type(problem).__name__}") from None
        if not answer.had_tsig:
            # anybody between could have sent it
            raise self._problem(answer.rcode(), " without signing it")
        return answer

    def _problem(self, rcode: dns.rcode.Rcode, how: str = "") -> Exception:
        said = f"{self._who} says {dns.rcode.to_text(rcode)}{how}"
        return NameRefused(said) if rcode in FOR_GOOD else NoAnswer(said)

    @property
    def _who(self) -> str:
        return f"name server {self._settings.server}"
