"""What providers say of themselves, and the keys by which they sign: read again after a while."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from pydantic import JsonValue

from ...domain import errors
from ...domain.access import providers
from ...domain.access.providers import ALGORITHMS, Provider
from ...ground.units import HOUR, MINUTE
from . import fetching
from .fetching import Question, Said, unavailable

WELL_KNOWN = "/.well-known/openid-configuration"
KINDS = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
KEPT_SECONDS, KEYS_APART_SECONDS = float(HOUR), float(MINUTE)
"""How long what a provider said counts; how often its keys are read anew for one that is not known."""
MOST_KEYS = 50
BASIC, POST = "client_secret_basic", "client_secret_post"
Key = dict[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a provider says of itself, as far as it counts here. `says_issuer`: it names itself in each answer
    by way of the browser (RFC 9207)."""

    authorization: str
    token: str
    keys: str
    userinfo: str | None
    says_issuer: bool
    secret_in_form: bool
    algorithms: tuple[str, ...]


@dataclass(slots=True)
class _Known:
    metadata: Metadata
    read_at: float
    keys: Sequence[Key] = ()
    keys_at: float | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class Discovery:
    """What is known of providers, by issuer and CA. Safe from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: dict[tuple[str, str | None], _Known] = {}
        self._asking: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def turn(self, provider: Provider) -> Iterator[None]:
        """For whoever is about to wait for this provider. One that answers slowly, or not, keeps few waiting:
        raises TooManyAttempts beyond, so that whoever comes from another one gets in."""
        with self._lock:
            if self._asking[provider.issuer] >= providers.MOST_AT_ONCE:
                raise errors.TooManyAttempts(
                    f"{provider.issuer} is slow: others wait for it.", do="Try again in some seconds."
                )
            self._asking[provider.issuer] += 1
        try:
            yield
        finally:
            with self._lock:
                self._asking[provider.issuer] -= 1

    def metadata(self, provider: Provider) -> Metadata:
        """What the provider says of itself. Raises ProviderUnavailable."""
        return self._found(provider).metadata

    def keys(self, provider: Provider, key_id: str | None, tried: Sequence[Key] = ()) -> Sequence[Key]:
        """The provider's keys that may have signed with this id (None: it says none). They are read anew, at
        most once a minute, for an id that is not known, and once those `tried` fit nothing: a provider may
        keep the id of a key that it changes. Raises ProviderUnavailable."""
        known = self._found(provider)
        with known.lock:
            found, now = _of(known.keys, key_id), self._clock()
            is_due = known.keys_at is None or now - known.keys_at >= KEYS_APART_SECONDS
            if is_due and (not found or found == tried):
                known.keys_at, known.keys = now, _read_keys(provider, known.metadata)
                found = _of(known.keys, key_id)
            return found

    def usable_keys(self, provider: Provider) -> int:
        """How many keys of the provider's can sign what is believed here. Raises ProviderUnavailable."""
        known = self._found(provider)
        with known.lock:
            known.keys_at, known.keys = self._clock(), _read_keys(provider, known.metadata)
            return sum(any(fits(key, each) for each in known.metadata.algorithms) for key in known.keys)

    def forget(self, provider: Provider) -> None:
        """Read what it says anew, at the next log-in."""
        self._known.pop(_place(provider), None)

    def _found(self, provider: Provider) -> _Known:
        known, now = self._known.get(_place(provider)), self._clock()
        if known is None or now - known.read_at >= KEPT_SECONDS:
            if len(self._known) >= 4 * providers.MOST_PROVIDERS:  # of settings that were changed since
                self._known.clear()
            known = _Known(_read(provider), now)
            self._known[_place(provider)] = known
        return known


def _place(provider: Provider) -> tuple[str, str | None]:
    return provider.issuer, provider.ca_pem


def _read(provider: Provider) -> Metadata:
    url = provider.issuer.rstrip("/") + WELL_KNOWN
    said = _good(url, *fetching.ask(Question(url, provider.ca_pem)))
    if said.get("issuer") != provider.issuer:
        raise unavailable(
            f"{url} is of the issuer {str(said.get('issuer'))[:200]!r}, not {provider.issuer!r}"
        )
    methods = _texts(said.get("token_endpoint_auth_methods_supported"), (BASIC,))
    if BASIC not in methods and POST not in methods:
        raise unavailable(f"{url} takes no client secret: neither {BASIC} nor {POST}")
    signed = _texts(said.get("id_token_signing_alg_values_supported"), ("RS256",))
    return Metadata(
        authorization=_address(said, "authorization_endpoint"),
        token=_address(said, "token_endpoint"),
        keys=_address(said, "jwks_uri"),
        userinfo=_address(said, "userinfo_endpoint") if "userinfo_endpoint" in said else None,
        says_issuer=said.get("authorization_response_iss_parameter_supported") is True,
        secret_in_form=BASIC not in methods,
        algorithms=tuple(each for each in ALGORITHMS if each in signed),
    )


def _read_keys(provider: Provider, metadata: Metadata) -> Sequence[Key]:
    said = _good(metadata.keys, *fetching.ask(Question(metadata.keys, provider.ca_pem)))
    keys = said.get("keys")
    if not isinstance(keys, list) or len(keys) > MOST_KEYS:
        raise unavailable(f"{metadata.keys} gives no keys, or more than {MOST_KEYS}")
    return [each for each in keys if isinstance(each, dict)]


def fits(key: Key, algorithm: str) -> bool:
    """Whether it is a public key for signatures of this kind: never a shared secret."""
    kind, use, of = key.get("kty"), key.get("use", "sig"), key.get("alg", algorithm)
    return kind == KINDS.get(algorithm[:2]) and use == "sig" and of == algorithm


def _of(keys: Sequence[Key], key_id: str | None) -> Sequence[Key]:
    """A token that names no key may be of any, if there are few."""
    return list(keys)[:4] if key_id is None else [each for each in keys if each.get("kid") == key_id]


def _good(url: str, status: int, said: Said) -> Said:
    if status != 200:
        raise unavailable(f"{url} answers {status}")
    return said


def _address(said: Said, name: str) -> str:
    try:
        return providers.require_address(said.get(name), name)
    except errors.InvalidArgument as problem:
        raise unavailable(str(problem).rstrip(".")) from problem


def _texts(said: JsonValue, default: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(each for each in said if isinstance(each, str)) if isinstance(said, list) else default
