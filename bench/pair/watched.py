"""What a vault holds while it is watched: by twenty open consoles, a monitoring system that scrapes it, and
people who log in with a password."""

from __future__ import annotations

import time
from pathlib import Path

import httpx2

from bench.pair.followers import followers, told
from bench.pair.paired_vault import PairedVault
from bench.support.taken import Taken
from secondsite.client import connect
from secondsite.client.logging_in import LoggingIn

CONSOLES = 20
OPENED = ("/api/machine-rows", "/api/overview", "/api/jobs?limit=50")
"""What a console asks for when it is opened."""
SCRAPE_SECONDS = 15.0
"""With each scrape somebody logs in, and each console asks for its overview."""
WATCHED_SECONDS = 180.0
ANSWER_SECONDS = 60.0
PERSON, PASSWORD = "olga", "three stones in the river"


def rss_mb(paired: PairedVault) -> tuple[float, ...]:
    """In MB, after each scrape."""
    home, samples = paired.home("vault"), []
    ca = home / "pki" / "ca.pem"
    _come_in(paired, ca)
    headers = {"Authorization": f"Bearer {(home / 'token').read_text().strip()}"}
    with (
        followers(paired, CONSOLES) as process,
        httpx2.Client(base_url=paired.url, headers=headers, verify=False, timeout=ANSWER_SECONDS) as client,
    ):
        for path in OPENED * CONSOLES:
            client.get(path).raise_for_status()
        ends_at = time.monotonic() + WATCHED_SECONDS
        while time.monotonic() < ends_at:
            for path in ("/api/metrics", *["/api/overview"] * CONSOLES):
                client.get(path).raise_for_status()
            with LoggingIn(paired.url, ca) as door:
                door.by_name(PERSON, PASSWORD)
            samples.append(round(Taken.by(paired.vault.pid).resident_bytes / 1e6, 1))
            time.sleep(SCRAPE_SECONDS)
        seen = told(process)
    paired.say(f"{max(samples):.0f} MB resident while watched, {seen.batches} batches told")
    return tuple(samples)


def _come_in(paired: PairedVault, ca: Path) -> None:
    with paired.client() as vault:
        link = vault.people.create(PERSON, "reader").link
    with LoggingIn(paired.url, ca) as door:
        secret = door.by_link(link).secret
    with connect(paired.url, secret, ca) as session:
        session.sessions.set_password(PASSWORD)
