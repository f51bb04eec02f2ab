"""What a fixture holds, read from its files once all is dead: databases, manifests and images, without the
product."""

import contextlib
import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

COMMAND_SECONDS = 300
UNPACKED_ONLY = ("*.log", "*.sock", "*.seam.hit", "*.new")
"""What a start makes anew, and what only this run could read."""


def record(folder: Path) -> dict[str, Any]:
    """Machines with their points, jobs and replicas; times are ISO 8601."""
    with _copied(folder / "vault" / "vault.db") as database:
        machines = [_machine(folder, dict(row)) for row in database.execute("select * from machines")]
        jobs = [_job(database, dict(row)) for row in database.execute("select * from jobs")]
        policies = [row["name"] for row in database.execute("select name from policies")]
        notes = [dict(row) for row in database.execute("select machine_id, notes, point_id from drill_notes")]
        mappings = [dict(row) for row in database.execute("select * from network_mappings")]
    return {
        "machines": {machine["name"]: machine for machine in machines},
        "jobs": {job["id"]: job for job in jobs},
        "policies": sorted(policies),
        "drill_notes": notes,
        "network_mappings": mappings,
    }


@contextlib.contextmanager
def _copied(path: Path) -> Iterator[sqlite3.Connection]:
    """A copy: who opens a database that was killed changes it."""
    with tempfile.TemporaryDirectory() as copy:
        for each in path.parent.glob(f"{path.name}*"):
            shutil.copy(each, copy)
        with contextlib.closing(sqlite3.connect(Path(copy) / path.name)) as database:
            database.row_factory = sqlite3.Row
            yield database


def _machine(folder: Path, row: Mapping[str, Any]) -> dict[str, Any]:
    kept: tuple[str, ...] = (
        "id",
        "name",
        "state",
        "drill_state",
        "source_site",
        "target_site",
        "source_fabric_id",
    )
    kept += ("target_fabric_id", "policy", "group", "epoch", "encrypted", "failed_over_point_id")
    replica = folder / f"appliance-{row['target_site']}" / "store" / "replicas" / row["id"]
    return {
        **{key: row[key] for key in kept},
        "points": [_point(replica, path) for path in sorted((replica / "points").glob("*.json"))],
        "unprocessed": sorted(path.name for path in (replica / "inbox").glob("[!.]*.cycle")),
        "journal": len(list((replica / "journal").glob("*"))),
    }


def _point(replica: Path, path: Path) -> dict[str, Any]:
    said = json.loads(path.read_text())
    state = json.loads((replica / "replica.json").read_text())
    kept = {key: said[key] for key in ("taken_at", "consistency", "epoch", "seq", "set_id")}
    plain = state["key_id"] is None
    disks = {disk["key"]: image_digest(replica / disk["file"]) for disk in said["disks"] if plain}
    return {"id": path.stem, **kept, "held": dict(state["holds"]).get(path.stem), "disks": disks}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def image_digest(path: Path) -> str:
    """sha256 of all that a plain image and its backing files hold."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        raw = Path(folder) / "raw"
        command = ("qemu-img", "convert", "-U", "-O", "raw", str(path), str(raw))
        subprocess.run(command, check=True, timeout=COMMAND_SECONDS)
        with raw.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def _job(database: sqlite3.Connection, row: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: row[key] for key in ("id", "name", "subject", "subject_name", "state", "ended_at")}
    wanted = "select name, kind, state, sentence, waiting_for, deadline_at from job_tasks"
    tasks = database.execute(f"{wanted} where job_id = ? order by id", (row["id"],))
    return {**kept, "tasks": [dict(task) for task in tasks]}


def require_between_steps(jobs: Mapping[str, Any], name: str) -> None:
    """A job that waits has a deadline by the clock, and would end otherwise at a later date."""
    tasks = next(job["tasks"] for job in jobs.values() if job["subject_name"] == name and not job["ended_at"])
    if tasks[0]["state"] != "succeeded" or any(task["deadline_at"] for task in tasks):
        raise RuntimeError(f"{name} was not between two steps when the vault died: tell the story again")


def pack(folder: Path, archive: Path) -> None:
    """All but logs and sockets, holes kept as holes."""
    left_out = [f"--exclude={pattern}" for pattern in UNPACKED_ONLY]
    command = ("tar", "-C", str(folder), *left_out, "--sparse", "--numeric-owner", "-cJf", str(archive), ".")
    environment = {**os.environ, "XZ_OPT": "-9e"}
    subprocess.run(command, check=True, timeout=COMMAND_SECONDS, env=environment)
