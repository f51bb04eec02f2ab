"""What `python -m bench` prints and writes, with one real figure."""

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bench import catalogue, report
from bench.figure import Figure, Pairs, in_turn, percentile, spread_of
from bench.support import loads
from rig import processes

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
FIRST_NAMES = {
    "initial_replication_vs_nbdcopy_tls",
    "initial_replication_vs_qemu_img",
    "cycle_seconds",
    "rpo_p99_seconds_one_guest",
    "failover_to_console_vs_bare_boot",
    "wire_bytes_vs_changed",
    "vault_rss_mb",
    "appliance_rss_mb",
}


def bench(*arguments, folder="/var/tmp", within_seconds=30):
    return subprocess.run(
        [sys.executable, "-m", "bench", *arguments],
        cwd=ROOT, env=processes.environment() | {"COLUMNS": "200", "TMPDIR": str(folder)},
        capture_output=True, text=True,
        timeout=within_seconds, check=False,
    )  # fmt: skip


def test_every_figure_is_listed_with_what_it_measures():
    done = bench("--list")
    assert done.returncode == 0, done.stderr
    listed = {line.split()[0]: line.split(maxsplit=1)[1] for line in done.stdout.splitlines()}
    assert set(listed) >= FIRST_NAMES
    assert all(len(what) > 20 for what in listed.values())


def test_an_unknown_figure_is_refused_with_the_names_that_are_known():
    done = bench("speed")
    assert done.returncode == 2
    assert "no figure speed" in done.stderr
    assert "cycle_seconds" in done.stderr


def test_figures_come_in_the_order_of_the_story_and_each_file_is_one():
    names = catalogue.names()
    assert names[: len(catalogue.FIRST)] == list(catalogue.FIRST)
    assert len(names) == len(set(names))


@pytest.mark.slow
def test_a_figure_is_measured_printed_and_written(tmp_path):
    report = tmp_path / "figures.json"
    done = bench("wire_bytes_sequential", "--json", str(report), folder=tmp_path, within_seconds=110)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "wire_bytes_sequential" in done.stdout
    (record,) = json.loads(report.read_text())
    assert {"name", "value", "unit", "goal", "peer", "how", "spread"} <= set(record)
    assert 0.5 < record["value"] <= 1.1
    assert list(tmp_path.iterdir()) == [report]
    assert processes.of_folder(tmp_path) == []
    assert set(record["spread"]) == {"min", "median", "max"}


def test_a_ratio_is_the_median_of_pairs_measured_in_turn():
    order = []

    def run(who, seconds):
        order.append(who)
        return seconds.pop(0)

    ours, theirs = [2.0, 4.0, 1.0], [1.0, 4.0, 3.0]
    pairs = in_turn(lambda: run("ours", ours), lambda: run("theirs", theirs), 3)
    assert order == ["ours", "theirs", "theirs", "ours", "ours", "theirs"]
    assert pairs == Pairs((2.0, 4.0, 1.0), (1.0, 4.0, 3.0))
    assert spread_of(pairs.ratios) == {"min": 0.5, "median": 1.0, "max": 3.0}


def test_a_percentile_is_a_value_that_was_seen():
    assert percentile([float(each) for each in range(100)], 0.99) == 99.0
    assert percentile([1.0], 0.99) == 1.0


def test_a_goal_is_reached_from_its_better_side():
    facts: dict[str, Any] = {"name": "x", "unit": "x", "peer": "", "how": ""}
    assert Figure(value=1.2, goal=1.0, better="higher", **facts).reached
    assert not Figure(value=1.2, goal=1.0, better="lower", **facts).reached


def test_a_report_can_be_read_at_80_columns():
    facts: dict[str, Any] = {
        "unit": "ms",
        "goal": 50.0,
        "better": "lower",
        "spread": {"min": 1.0, "median": 2.0, "max": 3.0},
    }
    text: dict[str, Any] = {
        "peer": "the same without a cycle " * 5,
        "how": "the longest write of each cycle " * 9,
    }
    figures = [Figure(name=name, value=12.25, **facts, **text) for name in catalogue.names()]
    printed = io.StringIO()
    console = Console(width=80, file=printed)
    for part in report.of(figures):
        console.print(part)
    lines = printed.getvalue().splitlines()
    assert max(len(line.rstrip()) for line in lines) <= 80
    for name in catalogue.names():
        (row,) = (line for line in lines if line.startswith(f"{name} ") and "12.2 ms" in line)
        assert row.split()[1:] == ["12.2", "ms", "<=", "50", "reached"]
        at = [line.rstrip() for line in lines].index(name)
        assert lines[at + 1].strip() == "min 1, median 2, max 3"
        assert lines[at + 2].startswith("    peer: the same")
    assert len(lines) < 20 * len(figures)


def test_loads_stay_on_the_disk_and_repeat_with_their_seed():
    size = 256 * 1024 * 1024
    for load in (loads.scattered, loads.sequential, loads.database):
        writes = load(size, 3)
        assert all(offset >= 0 and offset + len(data) <= size for offset, data in writes)
        assert writes == load(size, 3)
        held = loads.pages(writes)
        offset, data = writes[-1]
        assert held[offset] == data[: loads.PAGE_BYTES]
