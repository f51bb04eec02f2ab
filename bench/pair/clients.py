"""Five clients that ask a vault for the same, over and over, each on a connection that it keeps."""

from __future__ import annotations

import http.client
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from bench.errors import NotMeasured
from bench.pair.paired_vault import PairedVault
from rig.background import Background

CLIENTS = 5
ANSWER_SECONDS = 60.0
LEAST_ANSWERS = 20
"""Of fewer nothing can be said."""


@dataclass(slots=True)
class Asked:
    """How long each answer took, and how large the last one was."""

    seconds: list[float] = field(default_factory=list)
    size_bytes: int = 0

    @property
    def milliseconds(self) -> list[float]:
        return [1000 * each for each in self.seconds]


def asked(paired: PairedVault, path: str, meanwhile: Callable[[], object]) -> Asked:
    """What the clients saw as long as `meanwhile` lasted. Raises NotMeasured for too few answers."""
    found, ended = Asked(), threading.Event()
    works = {f"client-{number}": lambda: _ask(paired, path, found, ended) for number in range(CLIENTS)}
    with Background(works, within_seconds=ANSWER_SECONDS):
        try:
            meanwhile()
        finally:
            ended.set()
    if len(found.seconds) < LEAST_ANSWERS:
        raise NotMeasured(f"only {len(found.seconds)} answers to GET {path} came")
    return found


def _ask(paired: PairedVault, path: str, found: Asked, ended: threading.Event) -> None:
    headers = {"Authorization": f"Bearer {(paired.home('vault') / 'token').read_text().strip()}"}
    trust = ssl.create_default_context(cafile=str(paired.home("vault") / "pki" / "ca.pem"))
    place = urlsplit(paired.url)
    connection = http.client.HTTPSConnection(
        str(place.hostname), place.port, context=trust, timeout=ANSWER_SECONDS
    )
    while not ended.is_set():
        began = time.perf_counter()
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        found.seconds.append(time.perf_counter() - began)
        found.size_bytes = len(body)
        if answer.status != http.HTTPStatus.OK:
            raise NotMeasured(f"GET {path} was answered with {answer.status}: {body[:200]!r}")
    connection.close()
