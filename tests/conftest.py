"""What every test gets: hypothesis without a clock, a short folder, and a check that no process stays behind."""

import os
import tempfile
from pathlib import Path

import hypothesis
import pytest

hypothesis.settings.register_profile("secondsite", deadline=None)
hypothesis.settings.load_profile("secondsite")


# Modules that start whole sites and kill them: they would keep `./dev check` from ending within two minutes.
SLOW_MODULES = {
    "appliance": {
        "test_bandwidth", "test_disks", "test_encryption", "test_faults", "test_firmware", "test_groups",
        "test_groups_kill", "test_healing", "test_journal", "test_key_change", "test_kill",
        "test_odd_days", "test_precision", "test_renewal", "test_scrub", "test_seed", "test_straight",
    },
    "cli": {"test_asking", "test_disks", "test_exit_codes", "test_following", "test_groups", "test_journal", "test_point_verify", "test_seed", "test_site_and_rpo", "test_verbs"},
    "bench": {"test_bench_cli"},
    "datapath": {"test_key_change", "test_replica_crashes", "test_replica_journal_crashes"},
    "fabrics": {"test_simulated_crashes"},
    "faults": {"test_clocks", "test_flipped_bits", "test_long_cut", "test_lossy_link", "test_no_room"},
    "jobs": {"test_kill", "test_crash_sweep", "test_restart"},
    "libvirt": {"test_stuck_starts", "test_shut_down_in_a_view", "test_trackable", "test_process_death", "test_firmware"},
    "vault": {"test_vault_process"},
}  # fmt: skip


LONGEST = {"test_long_cut"}
"""Minutes of waiting, beside which another worker does all the rest."""


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items):
    """Mark the slow modules before pytest chooses by marks, and begin with what takes long when it has put all in its
    order: two workers then end at about the same time."""
    for item in items:
        if item.path.stem in SLOW_MODULES.get(item.path.parent.name, ()):
            item.add_marker(pytest.mark.slow)
    chosen = yield
    long = {
        item.path for item in items if item.get_closest_marker("slow") or item.get_closest_marker("guest")
    }
    items.sort(key=lambda item: (item.path.stem not in LONGEST, item.path not in long))
    return chosen


def children() -> dict[int, str]:
    """Pids and command lines of this process's live children."""
    found = {}
    for task in Path("/proc/self/task").iterdir():
        try:
            pids = (task / "children").read_text().split()
        except FileNotFoundError:  # a thread that has just ended
            continue
        for pid in pids:
            try:
                command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if command and "resource_tracker" not in command:
                found[int(pid)] = command
    return found


@pytest.fixture(scope="session", autouse=True)
def no_process_stays_behind():
    before = set(children())
    yield
    left = {pid: command for pid, command in children().items() if pid not in before}
    assert not left, f"tests of worker {os.environ.get('PYTEST_XDIST_WORKER', 'main')} left processes: {left}"


@pytest.fixture
def tmp_path():
    """A folder of the test's own. Its name is short, since a UNIX socket's path holds 107 bytes and libvirt alone adds 50;
    pytest's own names, longer still with xdist, are too long for that."""
    with tempfile.TemporaryDirectory(prefix="ss-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)
