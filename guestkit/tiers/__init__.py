"""Guests that talk: a web server asks an application, which asks a database, which numbers and flushes a
record.

Each answers only with the number that is on the database's disk, so that who asked knows what a copy has to
hold. The scripts in this folder run in the guest:

    start.sh        read by the init: names, and which of them begins
    database.sh     answers one connection: has the writer append a record
    application.sh  answers one connection: asks the database
    web.sh          answers one request: asks the application
"""

import enum
from collections.abc import Iterator
from pathlib import Path

from guestkit import cpio

FOLDERS = ("tiers", "tiers/www", "tiers/www/cgi-bin")
PLACES = {
    "start.sh": "tiers/start.sh",
    "database.sh": "tiers/database",
    "application.sh": "tiers/application",
    "web.sh": "tiers/www/cgi-bin/index.cgi",
}


class Tier(enum.Enum):
    """What a guest serves."""

    DATABASE = "database"
    APPLICATION = "application"
    WEB = "web"

    @property
    def port(self) -> int:
        """The TCP port that it answers on."""
        return {Tier.DATABASE: 5432, Tier.APPLICATION: 8000, Tier.WEB: 80}[self]


def entries() -> Iterator[cpio.Entry]:
    """What every guest carries of them."""
    here = Path(__file__).parent
    yield from (cpio.folder(name) for name in FOLDERS)
    yield cpio.file("tiers/www/alive", b"the web server runs\n")
    for name, place in PLACES.items():
        yield cpio.file(place, (here / name).read_bytes(), executable=True)
