"""The processes that end backup jobs whose owner died."""

from pathlib import Path


def lifelines_of(pid):
    """Those that a process has started."""
    children = Path(f"/proc/{pid}/task").glob("*/children")
    pids = [child for task in children for child in task.read_text().split()]
    return [int(each) for each in pids if b"job_lifeline" in Path(f"/proc/{each}/cmdline").read_bytes()]
