"""What befalls processes, hosts, lines, databases and whole sites."""

import contextlib
import os
import shutil
import signal
import sqlite3
import time
from dataclasses import dataclass, field
from pathlib import Path

from chaos import victims
from chaos.walks.episode import Episode
from rig import processes
from rig.processes import Process
from secondsite.fabrics import simulated


@dataclass(slots=True)
class Accidents:
    """`backups`: of databases, by the process that they belong to, oldest first."""

    on: Episode
    backups: dict[str, list[Path]] = field(default_factory=dict)

    def kill(self) -> str:
        """kill -9 of somebody."""
        left = [victim for victim in victims.VICTIMS if not victim.endswith(f"-{self.on.lost}")]
        victim = self.on.chance.choice(left)
        pid = victims.pid_of(self.on.rig, victim)
        if pid is None:
            return f"{victim} is not there"
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        return f"killed {victim}"

    def kill_some(self) -> None:
        """Up to three, at random moments from now."""
        for _ in range(self.on.chance.randint(1, 3)):
            time.sleep(self.on.chance.uniform(0, 1.2))
            self.on.log.append(f"  {self.kill()}")

    def cut(self) -> str:
        for relay in self.on.relays:
            relay.cut()
        return "the line is cut"

    def reboot(self) -> str:
        """A host's power fails and returns; what has autostart starts, before our appliance is there."""
        site = self.on.chance.choice(self.on.sites)
        with self._down(f"appliance-{site}"):
            processes.kill_all(processes.of_folder(self.on.rig.home(f"appliance-{site}")))
            simulated.reboot(self.on.rig.home(f"appliance-{site}") / "fabric")
        return f"host {site} rebooted"

    def back_up(self, name: str | None = None) -> str:
        """Somebody's database, while it is in use."""
        name = name or self.on.chance.choice(["vault", *(f"appliance-{site}" for site in self.on.sites)])
        kept = self.backups.setdefault(name, [])
        copy = self.on.rig.folder / f"{name}.backup-{len(kept)}"
        source, target = sqlite3.connect(self._database(name), timeout=30), sqlite3.connect(copy)
        with contextlib.closing(source), contextlib.closing(target):
            source.backup(target)
        kept.append(copy)
        return f"backup {len(kept) - 1} of {name}"

    def restore(self) -> str:
        """One of yesterday's databases is put in the place of today's."""
        names = [name for name in self.backups if not name.endswith(f"-{self.on.lost}")]
        if not names:
            return self.back_up()
        name = self.on.chance.choice(names)
        return self.put_back(name, self.on.chance.choice(self.backups[name]))

    def put_back(self, name: str, copy: Path) -> str:
        """This copy in the place of somebody's database."""
        with self._down(name):
            database = self._database(name)
            for beside in database.parent.glob(f"{database.name}-*"):
                beside.unlink()
            shutil.copy(copy, database.with_name("restored"))
            database.with_name("restored").replace(database)
        return f"restored {copy.name}"

    def lose(self) -> str:
        """A site burns down."""
        site = self.on.chance.choice(self.on.sites)
        self.on.lost = site
        self.on.keeper.give_up(self._process(f"appliance-{site}"))
        home = self.on.rig.home(f"appliance-{site}")
        processes.kill_folder(home)
        shutil.rmtree(home, ignore_errors=True)
        return f"site {site} is lost"

    def _down(self, name: str) -> contextlib.AbstractContextManager[None]:
        return self.on.keeper.left_down(self._process(name))

    def _process(self, name: str) -> Process:
        rig = self.on.rig
        return next(each for each in (rig.vault, *rig.appliances.values()) if each.name == name)

    def _database(self, name: str) -> Path:
        return self.on.rig.home(name) / ("vault.db" if name == "vault" else "appliance.db")
