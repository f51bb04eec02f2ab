"""Runs a machine with libvirt, by the command virsh."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import tempfile
import time
from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import unescape

from ..problems import Problem, Refused
from . import domain

CALL_SECONDS = 120
LOOK_SECONDS = 0.5
OFF = ("shut off", "crashed")
"""virsh's words for a machine that is off. virsh is told to use English, whatever the host's language is."""
OUR_HOOK = "secondsite: "
"""With this begins what the hook of this host says: why the machine must not run here, and what helps."""
PORTGROUP = re.compile(r"<portgroup name='(.*?)'(?: \w+='\w+')*\s*/?>")
"""libvirt 9.0 does not escape the names: what it says need not be XML."""


class Virsh:
    def __init__(self, uri: str) -> None:
        self.uri = uri

    def start(self, uuid: str, definition: str) -> None:
        """Define and start the machine; harmless if it runs. Raises Problem."""
        if self.runs(uuid):
            return
        with tempfile.NamedTemporaryFile("w", suffix=".xml") as file:
            file.write(definition)
            file.flush()
            self._call("define", file.name)
        self._call("start", uuid)

    def qemus_user(self) -> tuple[int, int] | None:
        """User and group as which libvirt runs QEMU; None: as its caller. Raises Problem."""
        for model in ElementTree.fromstring(self._call("capabilities")).iterfind("host/secmodel"):
            user, _, group = (model.findtext("baselabel[@type='qemu']") or "").partition(":")
            if model.findtext("model") == "dac" and user and group:
                return int(user), int(group)
        return None

    def portgroups(self, network: str) -> list[str]:
        """Names of the network's portgroups. Raises Problem."""
        found = PORTGROUP.findall(self._call("net-dumpxml", network))
        return [unescape(each, {"&apos;": "'", "&quot;": '"'}) for each in found]

    def disks(self, uuid: str) -> list[list[Path]] | None:
        """The files of each of the machine's disks, top first, as far as libvirt names them; None if it has
        no such machine. Raises Problem."""
        if not self._knows(uuid):
            return None
        try:
            root = ElementTree.fromstring(self._call("dumpxml", uuid))
        except ElementTree.ParseError as error:
            raise Problem(
                f"What libvirt says of the machine {uuid} cannot be read: {error}.",
                "Give what has & or < in its name there another one, by 'virsh edit'.",
            ) from None
        chains = [
            [Path(str(source.get("file"))) for source in disk.iter("source") if source.get("file")]
            for disk in root.iterfind("devices/disk")
            if disk.get("device", "disk") == "disk"
        ]
        return [chain for chain in chains if chain]

    def runs(self, uuid: str) -> bool:
        """Whether the machine runs, or is paused. Raises Problem if libvirt does not answer."""
        return self._knows(uuid) and self._call("domstate", uuid).strip() not in OFF

    def stop(self, uuid: str, grace_seconds: float) -> str:
        """Asks the guest to shut down, and cuts its power after that; returns a sentence."""
        if not self.runs(uuid):
            return "it was off"
        self._call("shutdown", uuid)
        ends_at = time.monotonic() + grace_seconds
        while time.monotonic() < ends_at:
            if not self.runs(uuid):
                return "it shut down"
            time.sleep(LOOK_SECONDS)
        if not self._cut(uuid):
            return "it shut down"
        return f"it did not shut down within {grace_seconds:.0f} s, so its power was cut"

    def _cut(self, uuid: str) -> bool:
        """Cut the power; False if there was none to cut: the machine may have gone off meanwhile, and libvirt
        refuses then."""
        try:
            self._call("destroy", uuid)
        except Problem:
            if self.runs(uuid):
                raise
            return False
        return True

    def forget(self, uuid: str) -> None:
        """Remove the definition; disks stay."""
        if self._knows(uuid):
            self._call("undefine", uuid, "--nvram")

    def tell(self, key_id: str, key: Path) -> None:
        """Give libvirt the key, which it keeps until it ends. Raises Problem."""
        if "embed" in self.uri:
            raise Problem(f"{self.uri} cannot be given a key from outside.", "Use plain QEMU: --qemu.")
        name, definition = domain.secret(key_id)
        with tempfile.NamedTemporaryFile("w", suffix=".xml") as file:
            file.write(definition)
            file.flush()
            self._call("secret-define", file.name)
        self._call("secret-set-value", name, "--file", str(key), "--plain")

    def _knows(self, uuid: str) -> bool:
        return uuid in self._call("list", "--all", "--uuid").split()

    def _call(self, *arguments: str) -> str:
        command = ["virsh", "--quiet", "--connect", self.uri, *arguments]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=CALL_SECONDS, check=False,
                env={**os.environ, "LC_ALL": "C", "LANGUAGE": ""},
            )  # fmt: skip
        except FileNotFoundError:
            raise Problem(
                "There is no virsh here.",
                "Install it ('apt install libvirt-clients'), or use plain QEMU: --qemu.",
            ) from None
        except subprocess.TimeoutExpired:
            raise Problem(
                f"libvirt did not answer within {CALL_SECONDS} s.", "Use plain QEMU: --qemu."
            ) from None
        if done.returncode:
            what = f"libvirt refused '{arguments[0]}': {done.stderr.strip()}."
            if arguments[0] in ("define", "start"):
                raise Refused(what, "" if OUR_HOOK in what else "Use plain QEMU: --qemu.")
            listed = f"virsh --connect {shlex.quote(self.uri)} list --all"
            raise Problem(what, f"See what is there: '{listed}'; then repeat it.")
        return done.stdout
