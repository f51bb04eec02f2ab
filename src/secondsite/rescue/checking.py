"""Whether the files of a point are all there, are those of the store, and go as far as their own tables say.

What was copied onto a full disk ends too early. QEMU reads zeros from there on, without a word, and starts a
machine from what none of its instants held.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from . import leasing
from .problems import Problem
from .store import Point, Replica

BEYOND = "exceeding the end of the file"
"""So QEMU says of a cluster that a file names and does not have."""


def problem_of(replica: Replica, point: Point, key: Path | None) -> str:
    """Why nothing can start from it; empty if nothing is wrong."""
    for name in point.disks:
        top = replica.layer(name, point.layer)
        if not top.exists():
            torn = replica.head(name, point.layer).exists()
            return f"{top} is not here{', but was still written when the store was copied' if torn else ''}"
        try:
            chain = chain_of(top)
        except Problem as problem:
            return problem.what
        strange = _strange(replica, chain)
        if strange:
            return (
                f"it would be read from {strange}, which is none of the machine's files here: somebody has "
                "changed the store"
            )
        changed = _changed(replica, chain)
        if changed:
            return f"it stands on {changed}, which somebody has changed since it was sealed"
        short = [str(each["filename"]) for each in chain if _ends_early(each, key)]
        if short:
            return f"{short[0]} ends too early, as a copy that was cut off does"
    return ""


def chain_of(top: Path) -> list[dict[str, Any]]:
    """What `qemu-img info` says of all files that it reads from. Raises Problem if one is missing."""
    return list(json.loads(leasing.qemu_img("info", "--output=json", "--backing-chain", "-U", str(top))))


def _strange(replica: Replica, chain: list[dict[str, Any]]) -> str:
    """A file that an image names and that is not the store's, nor one on which the replica was put at
    home; empty if there is none."""
    disks = replica.record.get("disks", ())
    known = {str(file.get("path", "")) for disk in disks for file in disk.get("base_files") or ()}
    root = replica.folder.resolve()
    for link in chain:
        path = Path(str(link["filename"]))
        if root not in path.resolve().parents and str(path) not in known:
            return str(path)
        data = dict(link.get("format-specific") or {}).get("data") or {}
        if data.get("data-file"):
            return str(data["data-file"])
    return ""


def _changed(replica: Replica, chain: list[dict[str, Any]]) -> str:
    """An old disk of the machine, or a file below it, that does not look as its appliance last saw it;
    empty if all do. By the same rule the appliance starts nothing from it."""
    read = {str(link["filename"]) for link in chain}
    disks = replica.record.get("disks", ())
    return next((str(file["path"]) for disk in disks for file in disk.get("base_files") or ()
                 if str(file["path"]) in read and not _is_as_seen(file)), "")  # fmt: skip


def _is_as_seen(file: dict[str, Any]) -> bool:
    try:
        now = Path(str(file["path"])).stat()
    except OSError:
        return False
    return (now.st_ino, now.st_size, now.st_mtime_ns) == (file["inode"], file["size_bytes"], file["mtime_ns"])


def _ends_early(link: dict[str, Any], key: Path | None) -> bool:
    """Who takes too long over the answer is taken for whole: a large disk must not be kept from starting."""
    if link.get("format") != "qcow2":
        return False
    secret: tuple[str, ...] = ()
    options: dict[str, Any] = {
        "driver": "qcow2",
        "file": {"driver": "file", "filename": str(link["filename"])},
        "backing": None,
    }
    if link.get("encrypted") and key is not None:
        secret = ("--object", f"secret,id=key,file={key}")
        options["encrypt"] = {"format": "luks", "key-secret": "key"}
    try:
        return BEYOND in leasing.checked(*secret, "-U", f"json:{json.dumps(options)}")
    except Problem:
        return False
