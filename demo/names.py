"""The addresses of the demo's tiers at both sites, and their names in a real DNS zone."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from demo.story import PromiseBroken
from rig.name_server import NameServer
from secondsite.client import Vault
from secondsite.wire import rest
from secondsite.wire.common.cards import CardSettings

DATABASE, APPLICATION, WEB, WEB_AWAY = "10.44.0.3", "10.44.0.2", "10.44.0.1", "10.44.0.11"
NAMES = {"www.shop.example": "web01", "db.shop.example": "db01"}
ADDRESSES = {"a": {"web01": WEB, "db01": DATABASE}, "b": {"web01": WEB_AWAY, "db01": DATABASE}}
TASK = "DNS names"


class Names:
    """Served while inside `served`."""

    def __init__(self, folder: Path, here: str) -> None:
        """In `folder`, served at the address `here`."""
        records = (f"{name.partition('.')[0]} A {ADDRESSES['a'][of]}" for name, of in NAMES.items())
        self._server = NameServer(folder, *records, here=here)

    @contextmanager
    def served(self) -> Iterator[None]:
        with self._server:
            yield

    def settings(self, put: Callable[[str, str], str]) -> Mapping[str, object]:
        """The section `dns` of an appliance; `put` gives its host a file, and tells its path there."""
        secret = put("name-server-key", f"{self._server.secret}\n")
        return {**self._server.settings, "secret_file": secret}

    def serial(self) -> int:
        return self._server.serial()

    def give(self, vault: Vault) -> str:
        """To the machines' cards, with the addresses that are others at b."""
        for name, of in NAMES.items():
            (card,) = vault.machines[of].settings().cards
            home, away = (ADDRESSES[site][of] for site in ("a", "b"))
            other = None if away == home else f"{away}/24"
            vault.machines[of].set_cards([CardSettings(mac=card.mac, names=(name,), address=other)])
        return (
            f"at b web01 has {WEB_AWAY} in place of {WEB}, db01 keeps {DATABASE}; {' and '.join(NAMES)} "
            "follow them"
        )

    def moved(self, jobs: Mapping[str, rest.Job], source: str, target: str) -> str:
        """Raises PromiseBroken for a name that points to where its machine is not."""
        return f"DNS: {', '.join(self._told(jobs, source, target))}"

    def _told(self, jobs: Mapping[str, rest.Job], source: str, target: str) -> Iterator[str]:
        for name, of in NAMES.items():
            address, found = ADDRESSES[target][of], self._server.addresses(name)
            task = next(each for each in jobs[of].tasks if each.name == TASK)
            if found != [address] or task.sentence != f"{name} -> {address}":
                raise PromiseBroken(f"{name} points to {found} while {of} is at {address}: {task.sentence}")
            how = "stays" if ADDRESSES[source][of] == address else "moved"
            yield f"{name} {how} -> {address} ({_seconds(task):.1f} s)"


def _seconds(task: rest.Task) -> float:
    if task.started_at is None or task.ended_at is None:
        return 0.0
    return (task.ended_at - task.started_at).total_seconds()
