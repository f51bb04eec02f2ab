"""A real vault, as a process of its own, with the pair as its two sites."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Self

from bench.errors import NotMeasured
from bench.pair import machines
from bench.pair.program import LOST_FILE, READY_LINE, SCRIPT_FILE
from bench.pair.script import AT_ONCE, SITES, Script, Starts
from rig import processes
from rig.eventually import eventually
from rig.forking import ForkServer
from rig.hands import Hands
from rig.processes import Process
from secondsite.entry import settings

LOST_SECONDS = 60.0
NOT_TOLD = "status.not-sent"
"""An event of an appliance that fails at something that nobody thought of."""


class PairedVault(Hands):
    """Open within a `with`; all machines are named by `names`."""

    def __init__(self, count: int, starts: Starts = AT_ONCE, hosts: int = 1, **changed: object) -> None:
        """`hosts`: how many the second site has, all of which reach each other's stores. `changed` are
        settings of the vault that are not as usual."""
        self.names = machines.names(count)
        self.folder = Path(tempfile.mkdtemp(prefix="secondsite-", dir="/var/tmp"))
        self.url = f"https://127.0.0.1:{processes.free_port()}"
        self.appliances: dict[str, Process] = {}
        self._forks: ForkServer | None = None
        self._starts = starts
        self._further = tuple(f"{SITES[1]}{number}" for number in range(2, hosts + 1))
        self._settings = changed
        self._began = time.monotonic()
        run = ["vault", "run", "--home", str(self.home("vault"))]
        self.vault = Process("vault", run, self.folder / "vault.log", "vault ready")
        self.pair = Process(
            "pair", [str(self.folder)], self.folder / "pair.log", READY_LINE, module="bench.pair.program"
        )  # fmt: skip

    def __enter__(self) -> Self:
        try:
            self._open()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: object, *exc: object) -> None:
        failed = NOT_TOLD in (self.folder / "pair.log").read_text(errors="replace")
        self.close()
        if failed and kind is None:
            raise NotMeasured(
                "the pair could not tell its statuses: what was measured is not what a vault takes"
            )

    def close(self) -> None:
        """Leaves nothing behind."""
        for process in (self.pair, self.vault):
            process.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def lose_a_host(self) -> None:
        """The last host of the second site dies, and all that it knows."""
        (self.folder / LOST_FILE).touch()
        name = f"appliance-{self._further[-1]}"
        with self.client() as vault:
            eventually(lambda: not vault.appliances[name].show().connected, LOST_SECONDS)

    def say(self, what: str) -> None:
        """How far it is: these figures take minutes."""
        print(f"{time.monotonic() - self._began:6.0f} s  {len(self.names)} machines: {what}", file=sys.stderr)

    def _open(self) -> None:
        port = self.url.rpartition(":")[2]
        ports = ("--rest-port", port, "--control-port", str(processes.free_port()))
        done = self.cli("vault", "init", "--home", str(self.home("vault")), *ports)
        if done.returncode != 0:
            raise NotMeasured(f"there is no vault: {done.stderr}")
        self._set()
        self.vault.start()
        with self.client() as vault:
            for site in SITES:
                vault.sites.create(site)
            keys = {host: vault.sites[host[0]].create_registration_key() for host in (*SITES, *self._further)}
        script = Script(
            url=self.url, fingerprint=next(iter(keys.values())).ca_fingerprint, machines=len(self.names),
            keys={site: key.key for site, key in keys.items()}, starts=self._starts,
        )  # fmt: skip
        (self.folder / SCRIPT_FILE).write_text(script.model_dump_json())
        self.pair.start()
        self.say(f"vault {self.vault.pid} and pair {self.pair.pid} run")

    def _set(self) -> None:
        home = self.home("vault")
        usual = settings.read(home)
        settings.write(home, settings.VaultSettings.model_validate({**usual.model_dump(), **self._settings}))
