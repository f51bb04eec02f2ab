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
from bench.pair.program import READY_LINE, SCRIPT_FILE
from bench.pair.script import AT_ONCE, SITES, Script, Starts
from rig import processes
from rig.forking import ForkServer
from rig.hands import Hands
from rig.processes import Process
from secondsite.entry import settings

NOT_TOLD = "status.not-sent"
"""An event of an appliance that fails at something that nobody thought of."""


class PairedVault(Hands):
    """Open within a `with`; all machines are named by `names`."""

    def __init__(self, count: int, starts: Starts = AT_ONCE, **changed: object) -> None:
        """`changed` are settings of the vault that are not as usual."""
        self.names = machines.names(count)
        self.folder = Path(tempfile.mkdtemp(prefix="secondsite-", dir="/var/tmp"))
        self.url = f"https://127.0.0.1:{processes.free_port()}"
        self.appliances: dict[str, Process] = {}
        self._forks: ForkServer | None = None
        self._starts = starts
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
            keys = {site: vault.sites[site].create_registration_key() for site in SITES}
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
