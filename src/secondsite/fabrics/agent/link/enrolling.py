"""Lets an agent in by its registration key: the same answer again, if it was lost on its way."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from ....ground.certificates import fingerprint
from .authority import Authority, pem_of, requested
from .errors import Refused
from .keys import NEXT, Key, Keys, Used
from .records import Accepted, Kind, Record, Records
from .words import Enroll

GUESSES: Final = 10
GUESS_SECONDS: Final = 60.0
MOST_ADDRESSES: Final = 1000
SLOW_SECONDS: Final = 1.0


class Guesses:
    """Wrong keys, by the address that they came from: so many a minute, and each answer comes late."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_address: dict[str, deque[float]] = {}

    def require_few(self, address: str) -> None:
        """Raises Refused."""
        with self._lock:
            wrong = self._by_address.get(address, ())
            if sum(time.monotonic() - at < GUESS_SECONDS for at in wrong) >= GUESSES:
                raise Refused(
                    "too-many-guesses", "Too many wrong keys came from this address. Wait a minute."
                )

    def count(self, address: str) -> None:
        with self._lock:
            if len(self._by_address) >= MOST_ADDRESSES:
                self._by_address.pop(next(iter(self._by_address)))
            self._by_address.setdefault(address, deque(maxlen=GUESSES)).append(time.monotonic())


class Enrolling:
    """One at a time: a key is for one agent, however many come with it at once."""

    def __init__(
        self, authority: Authority, keys: Keys, records: Records,
        is_rescued: Callable[[str], bool] = lambda _agent_id: False,
    ) -> None:  # fmt: skip
        """`is_rescued`: whether an agent's machine runs from the rescue image, and answers."""
        self._is_rescued = is_rescued
        self._authority, self._keys, self._records = authority, keys, records
        self._lock = threading.Lock()
        self._guesses = Guesses()

    def enroll(self, wanted: Enroll, address: str, now: datetime) -> Mapping[str, Any]:
        """What the agent keeps. Raises Refused, OSError."""
        self._guesses.require_few(address)
        public_key = _digest(wanted.request)
        try:
            with self._lock:
                key = self._keys.find(wanted.key, now)
                _require_same(key, wanted)
                _require_for_rescue(key, wanted)
                certificate = self._certificate(key, wanted, public_key, now)
        except Refused as refused:
            if refused.code == "key-wrong":
                self._guesses.count(address)
                time.sleep(SLOW_SECONDS)
            raise
        return {
            "agent_id": key.agent_id, "kind": key.kind, "certificate": certificate, "ca": self._authority.pem,
        }  # fmt: skip

    def _certificate(self, key: Key, wanted: Enroll, public_key: str, now: datetime) -> str:
        if key.used is not None:
            if key.used.public_key != public_key:
                raise Refused("key-used", f"This registration key was used already. {NEXT}")
            return key.used.certificate
        if key.kind == "rescue" and self._is_rescued(key.agent_id):
            raise Refused(
                "rescued-already",
                "A server that runs from the rescue image is here for this machine already, and would lose "
                "its place. Switch that one off first, then use this key.",
            )
        certificate = self._authority.issue(wanted.request, key.agent_id, now)
        self._accept(key, wanted.name, certificate, now)
        self._keys.use(wanted.key, key, Used(public_key=public_key, certificate=pem_of(certificate)))
        return pem_of(certificate)

    def _accept(self, key: Key, name: str, certificate: x509.Certificate, now: datetime) -> None:
        ends = certificate.not_valid_after_utc
        accepted = Accepted(fingerprint=fingerprint(certificate), kind=key.kind, until=ends, ends=ends)

        def changed(record: Record | None) -> Record:
            if record is None:
                return Record(agent_id=key.agent_id, name=name, enrolled_at=now, certificates=(accepted,))
            kept = record.name if key.kind == "rescue" else name
            others = _succeeded(record.certificates, key.kind, now)
            return record.having(accepted, others).model_copy(update={"name": kept})

        self._records.change(key.agent_id, changed)


def _require_for_rescue(key: Key, wanted: Enroll) -> None:
    """Raises Refused for a rescue system with the key of the machine's own: it would count as that, though
    nothing of the machine runs."""
    if wanted.rescue and key.kind != "rescue":
        raise Refused(
            "key-of-the-machine",
            "This is a rescue system, and the key was for the machine's own system. Make another one: "
            "'secondsite appliance agents key --for MACHINE --rescue'.",
        )


def _succeeded(certificates: Iterable[Accepted], kind: Kind, now: datetime) -> Iterator[Accepted]:
    """Those that stay beside a new one of that kind: points of the machine hold its former ones."""
    for each in certificates:
        if each.kind != kind:
            yield each
        elif kind == "machine":
            yield each.model_copy(update={"until": min(each.until, now)})


def _require_same(key: Key, wanted: Enroll) -> None:
    """Raises Refused for a machine that has an identity, and would get a second one."""
    if wanted.known not in ("", key.agent_id):
        raise Refused(
            "enrolled",
            f"This machine is enrolled already, as {wanted.known}, and this key is for another one. An "
            "upgrade needs no key: 'secondsite-agent install'. If its certificate is accepted no more: a "
            "key of 'secondsite appliance agents key --for MACHINE'. If it is to be a new machine, whose "
            "points begin anew: 'secondsite-agent install --anew', with this key.",
        )


def _digest(request_pem: str) -> str:
    encoding, layout = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    return hashlib.sha256(requested(request_pem).public_bytes(encoding, layout)).hexdigest()
