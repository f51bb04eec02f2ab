"""Commits an encrypted chain into one of its files. The storage daemon does it, because it can be told which
node is meant; qemu-img finds a file further down only by its name, and cannot name encrypted files."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from typing import Any, Final

from ... import errors
from ...disks import StorageDaemon, image
from . import chain as layers

_JOB_POLL_SECONDS: Final = 0.01


def into(daemon: StorageDaemon, prefix: str, chain: Sequence[layers.ChainFile], target: str) -> None:
    """Write everything above the file named `target` into that file, which grows to the top's size. It can be
    interrupted and repeated, as `image.commit`. Raises ImageProblem, StoreFull, and StorageDaemonGone when
    the daemon died meanwhile."""
    layers.close_chains(daemon, prefix)
    try:
        top = layers.open_chain(daemon, prefix, chain, writable=True)
        job = f"{prefix}commit"
        daemon.qmp("block-commit", job_id=job, device=top, base_node=f"{prefix}{target}", auto_dismiss=False)
        _finish_job(daemon, job)
    finally:
        with contextlib.suppress(errors.DatapathError):
            layers.close_chains(daemon, prefix)


def _finish_job(daemon: StorageDaemon, job: str) -> None:
    deadline, asked = time.monotonic() + image.MERGE_SECONDS, False
    while (now := _job(daemon, job))["status"] != "concluded":
        if time.monotonic() > deadline:
            daemon.qmp("job-cancel", id=job)
            raise errors.ImageProblem(
                f"A merge did not end within {image.MERGE_SECONDS:.0f} s.",
                do="Check the store's disk for errors or load, then repeat.",
            )
        if now["status"] == "ready" and not asked:
            # The job stays in that state for a moment; asked again, it may refuse.
            daemon.qmp("job-complete", id=job)
            asked = True
        time.sleep(_JOB_POLL_SECONDS)
    daemon.qmp("job-dismiss", id=job)
    if "error" in now:
        raise image.problem("block-commit", job, now["error"])


def _job(daemon: StorageDaemon, name: str) -> dict[str, Any]:
    for job in daemon.qmp("query-jobs"):
        if job["id"] == name:
            found: dict[str, Any] = job
            return found
    raise errors.StorageDaemonGone(
        "The storage daemon died while it merged; the one that was started since knows nothing of that.",
        do="Repeat the operation: a merge that broke off is begun again.",
    )
