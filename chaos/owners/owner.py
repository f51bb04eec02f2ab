"""What the owner of a machine does with virsh, and how it is taken back."""

import contextlib
import re
import time
from collections.abc import Callable

from chaos.owners.places import Places, Standing

NAME = "web01"
MEMORY = "/run/memory"
"""Where its memory is saved to: in the daemon's own place."""
PATIENCE_SECONDS = 30.0
STANDS = {"pause", "managed save", "save to a file"}
"""After these a move is refused before anything stops."""
TakeBack = Callable[[], object]


class Refused(Exception):
    """libvirt did not do it."""


def _nothing() -> None:
    pass


class Owner:
    """Hands of the machine's owner at both sites."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self.acts: dict[str, Callable[[str], TakeBack]] = {
            "nothing": lambda _: _nothing,
            "define anew": self._define_anew,
            "undefine and define": self._undefine_and_define,
            "pause": self._pause,
            "managed save": self._managed_save,
            "save to a file": self._save,
            "snapshot": self._snapshot,
            "power cut": self._power_cut,
            "reset": self._reset,
            "limits": self._limits,
            "autostart": self._autostart,
        }

    def virsh(self, site: str, *words: str, text: str | None = None) -> str:
        """Raises Refused."""
        done = self.places.typed(site, *words, text=text)
        if done.returncode != 0:
            raise Refused(f"virsh {words}: {done.stderr}")
        return done.stdout

    def standing(self, site: str) -> Standing | None:
        """None where it is not defined."""
        return self.places.look(site, NAME)

    def is_on(self, site: str) -> bool:
        found = self.standing(site)
        return found is not None and found.is_on

    def _definition(self, site: str) -> str:
        text = self.virsh(site, "dumpxml", NAME, "--inactive", "--security-info")
        return re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)

    def _define(self, site: str, text: str) -> None:
        self.virsh(site, "define", "/dev/stdin", text=text)

    def _define_anew(self, site: str) -> TakeBack:
        self._define(site, self._definition(site))
        return _nothing

    def _undefine_and_define(self, site: str) -> TakeBack:
        text, stood = self._definition(site), self.standing(site)
        self.virsh(site, "undefine", NAME, "--checkpoints-metadata")
        self._define(site, text)
        if stood is not None and stood.autostart:  # libvirt forgets it
            self.virsh(site, "autostart", NAME)
        return _nothing

    def _pause(self, site: str) -> TakeBack:
        self.virsh(site, "suspend", NAME)
        return lambda: self.virsh(site, "resume", NAME)

    def _patiently(self, site: str, *words: str) -> None:
        """As a person does who is refused: libvirt saves no machine beside a view, which ends soon. Raises
        Refused."""
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                self.virsh(site, *words)
                return
            except Refused:
                if time.monotonic() > until:
                    raise
                time.sleep(1.0)

    def _managed_save(self, site: str) -> TakeBack:
        self._patiently(site, "managedsave", NAME)
        return lambda: self.virsh(site, "start", NAME)

    def _save(self, site: str) -> TakeBack:
        self._patiently(site, "save", NAME, MEMORY)
        return lambda: self.virsh(site, "restore", MEMORY)

    def _snapshot(self, site: str) -> TakeBack:
        listed = self.virsh(site, "domblklist", NAME).splitlines()
        (disk,) = [line.split()[0] for line in listed if " /" in line]
        with contextlib.suppress(Refused):  # libvirt may refuse it beside a view
            self.virsh(site, "snapshot-create-as", NAME, "--disk-only", "--no-metadata", "snap")
            self.virsh(site, "blockcommit", NAME, disk, "--active", "--pivot", "--wait")
        return _nothing

    def _power_cut(self, site: str) -> TakeBack:
        self.virsh(site, "destroy", NAME)
        return lambda: self.virsh(site, "start", NAME)

    def _reset(self, site: str) -> TakeBack:
        self.virsh(site, "reset", NAME)
        return _nothing

    def _limits(self, site: str) -> TakeBack:
        self.virsh(site, "blkdeviotune", NAME, "vda", "--total-iops-sec", "100000", "--live", "--config")
        return _nothing

    def _autostart(self, site: str) -> TakeBack:
        """As it was not before; and back."""
        stood = self.standing(site)
        was = stood is not None and stood.autostart
        self.virsh(site, "autostart", NAME, *(("--disable",) if was else ()))
        return lambda: self.virsh(site, "autostart", NAME, *(() if was else ("--disable",)))
