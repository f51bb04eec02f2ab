"""One name, until its server says that it has the address, or the time is over.

It is read first and changed only from what was read, so a repeat after a crash finds it done, and a change by others is never overwritten
unseen."""

import time
from collections.abc import Callable

from ....domain.networks import names
from ....ground import seams
from ...shared import NameServer
from .server import NameEntry, Refused, Server, Unanswered

TRY_SECONDS = 3.0
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.25, 4.0


class Updating:
    """All names of an order share its time. `require_current` is asked before every change; it may raise. To `note` is said what a name
    pointed to before it is changed."""

    def __init__(
        self,
        settings: NameServer | None,
        try_seconds: float,
        require_current: Callable[[], None],
        note: Callable[[str, str | None], None],
    ) -> None:
        self._settings = settings
        self._note = note
        self._until = time.monotonic() + try_seconds
        self._require_current = require_current

    def point(self, name: str, address: str) -> str | None:
        """What it pointed to before; None: to nothing, or to the same. Raises Refused, Unanswered."""
        if self._settings is None:
            raise Refused("this appliance has no 'dns' section in its appliance.json")
        zone = names.zone_of(name, self._settings.zones)
        if zone is None:
            raise Refused(
                f"it is in no zone that this appliance may change ({', '.join(self._settings.zones)})"
            )
        server, before, pause = Server(self._settings), None, FIRST_PAUSE_SECONDS
        while True:
            try:
                found = server.look(name, "A", self._try_seconds())
                if found.addresses == (address,):
                    return before
                before = _replaceable(found)
                self._note(name, before)
                seams.reach("appliance.name.read")
                self._require_current()
                server.replace(name, zone, before, address, self._try_seconds())
                seams.reach("appliance.name.changed")
            except Unanswered:
                if time.monotonic() + pause >= self._until:
                    raise
                time.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def also_has(self, name: str) -> str:
        """What is left beside the address, as the end of a sentence."""
        assert self._settings is not None
        try:
            found = Server(self._settings).look(name, "AAAA", self._try_seconds())
        except (Refused, Unanswered):
            return ""
        return f"its IPv6 address {', '.join(found.addresses)} was left as it is" if found.addresses else ""

    def _try_seconds(self) -> float:
        left_seconds = self._until - time.monotonic()
        if left_seconds <= 0:
            raise Unanswered("there was no time left for it")
        return min(TRY_SECONDS, left_seconds)


def _replaceable(found: NameEntry) -> str | None:
    if found.alias is not None:
        raise Refused(f"it stands for another name ({found.alias}): give the card that one")
    if len(found.addresses) > 1:
        raise Refused(f"it has several addresses ({', '.join(found.addresses)}), which may be others'")
    return next(iter(found.addresses), None)
