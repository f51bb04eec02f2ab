"""The manifest of a recovery point: everything that is needed to start the machine from it, with or without
secondsite.

A JSON file with the sha256 of its own body, so that damage is noticed before anyone trusts it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ....ground import real_files
from ....ground.uptime import Uptime
from ... import errors
from ...cycles import header_checks
from ...files import write_durably

VERSION = 1


@dataclass(frozen=True, slots=True)
class ManifestDisk:
    """`file` is relative to the replica's folder; `digest` is that of the disk's whole content (see
    digest_map), in hex."""

    key: str
    size_bytes: int
    file: str
    digest: str


@dataclass(frozen=True, slots=True)
class ManifestFirmware:
    """A file of the machine's firmware state: 'nvram' has the UEFI variables, 'tpm/...' belongs in the state
    folder of an emulated TPM. `file` is relative to the replica's folder. In an encrypted replica the file is
    encrypted and has no `sha256`: decryption verifies it, and its name is a keyed digest of its content."""

    name: str
    size_bytes: int
    file: str
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """One recovery point. Times are ISO 8601 in UTC: `taken_at` by the source's clock, `sealed_at` by the
    target's. `uptime` is that of the target's host at that moment: the point ages by it. None in points of
    former releases."""

    point_id: str
    machine_id: str
    machine_name: str
    taken_at: str
    sealed_at: str
    consistency: str
    epoch: int
    seq: int
    disks: tuple[ManifestDisk, ...]
    reason: str | None = None
    set_id: str | None = None
    definition: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    how_to_boot: str = ""
    firmware: tuple[ManifestFirmware, ...] = ()
    uptime: Uptime | None = None
    version: int = VERSION


DECRYPTED = "VARS.fd"
UEFI_CODE = "-drive if=pflash,format=raw,readonly=on,file=OVMF_CODE.fd"


def how_to_boot(
    disks: tuple[ManifestDisk, ...], firmware: tuple[ManifestFirmware, ...] = (), encrypted_files: int = 0
) -> str:
    """A plain QEMU command line, to be run in the replica's folder. `-snapshot` leaves the point
    unchanged. For an encrypted chain it gives QEMU the key for each of its `encrypted_files`."""
    nvram = next((file for file in firmware if file.name == "nvram"), None)
    options = "".join(f",{'backing.' * depth}encrypt.key-secret=key" for depth in range(encrypted_files))
    drives = " ".join(f"-drive file={disk.file},format=qcow2,if=virtio{options}" for disk in disks)
    said, hint = "In this replica's folder", ""
    if nvram is not None:
        encrypted = nvram.sha256 is None
        variables = DECRYPTED if encrypted else nvram.file
        drives = f"{UEFI_CODE} -drive if=pflash,format=raw,file={variables} {drives}"
        said += ", OVMF_CODE.fd being the loader that the definition names"
        said += decrypting(nvram.file) if encrypted else ""
    if encrypted_files:
        said += ", with the customer's key in KEYFILE"
        hint = (
            " -object secret,id=key,file=KEYFILE # one encrypt.key-secret for each file that 'qemu-img info "
            "--backing-chain' lists"
        )
    return f"{said}: qemu-system-x86_64 -m 2048 -snapshot {drives}{hint}"


def decrypting(file: str) -> str:
    """Part of a sentence: how to decrypt the variables of an encrypted machine."""
    command = f"secondsite appliance decrypt {shlex.quote(file)} {DECRYPTED} --encryption-key-file KEYFILE"
    return f", {DECRYPTED} being what '{command}' writes"


def save(manifest: Manifest, path: Path) -> None:
    body = dataclasses.asdict(manifest)
    write_durably(path, json.dumps({**body, "sha256": digest_of(body)}, indent=1).encode())


def load(path: Path) -> Manifest:
    """Read a manifest; raises ImageProblem if the file is absent or damaged."""
    try:
        body = json.loads(real_files.content(path))
        stated = body.pop("sha256")
        if stated != digest_of(body):
            raise ValueError("its sha256 does not match")
        body["disks"] = tuple(ManifestDisk(**disk) for disk in body["disks"])
        body["firmware"] = tuple(ManifestFirmware(**file) for file in body.get("firmware", ()))
        body["uptime"] = Uptime(**body["uptime"]) if body.get("uptime") else None
        return _checked(Manifest(**body))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise errors.ImageProblem(
            f"The manifest {path} cannot be trusted: {error}.",
            do="Choose another recovery point; drop this one.",
        ) from error


def _checked(manifest: Manifest) -> Manifest:
    """The manifest, if its values can be compared, listed and started from: former releases kept whatever a
    source said. Raises ValueError."""
    header_checks.point(
        {
            "point_id": manifest.point_id, "consistency": manifest.consistency,
            "machine_name": manifest.machine_name,
            "reason": manifest.reason, "set_id": manifest.set_id, "definition": manifest.definition,
        }
    )  # fmt: skip
    for at in (manifest.taken_at, manifest.sealed_at):
        header_checks.instant(at)
    for number in (manifest.epoch, manifest.seq):
        header_checks.natural(number)
    for disk in manifest.disks:
        header_checks.name(disk.key)
        header_checks.natural(disk.size_bytes, header_checks.LARGEST_DISK_BYTES)
    return manifest


# The digest by which a JSON file of a replica notices its own damage.


def digest_of(body: Mapping[str, Any]) -> str:
    """SHA-256 of the body in hex, however it is laid out."""
    return _sha256(_canonical(body))


def signed(body: Mapping[str, Any], plain: Callable[[Any], Any] | None = None) -> bytes:
    """The body as JSON with its digest as `sha256`; it must not be empty. It is made in one pass, because a
    cycle writes its record twice. `plain` converts values that JSON does not know."""
    canonical = _canonical(body, plain)
    return f'{canonical[:-1]},"sha256":"{_sha256(canonical)}"}}\n'.encode()


def _canonical(body: Mapping[str, Any], plain: Callable[[Any], Any] | None = None) -> str:
    return json.dumps(body, sort_keys=True, separators=(",", ":"), default=plain)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
