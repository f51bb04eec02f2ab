"""What only `./dev test --all` runs whole: each run takes a slice, and as many commits as there are slices
take all."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import seconds, slices
from tests.support.slices import SLICES, Sliced

TOP = Path(__file__).resolve().parents[2]
STORY = """
import pytest
pytestmark = pytest.mark.every
def test_one(): pass
def test_two(): pass
"""
CASES = """
import pytest
@pytest.mark.every(by="test")
@pytest.mark.parametrize("n", range(40))
def test_case(n): pass
@pytest.mark.every(by="all")
def test_dear(): pass
@pytest.mark.every(by="all", parts=3)
@pytest.mark.parametrize("n", range(30))
def test_row(n): pass
def test_always(): pass
"""


@pytest.fixture
def collected(tmp_path):
    """Ids of the tests that pytest takes with these arguments, from a folder with one story and
    forty cases."""
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["tests.support.slices"]')
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\nmarkers =\n every: a\n slow: b\n always: c\ntestpaths = rooms"
    )
    for n in range(2 * SLICES):
        (tmp_path / f"rooms/{n}").mkdir(parents=True)
        (tmp_path / f"rooms/{n}/test_story_{n}.py").write_text(STORY)
    (tmp_path / "rooms/test_cases.py").write_text(CASES)

    def collect(*arguments):
        command = [
            sys.executable,
            "-m",
            "pytest",
            "--collect-only",
            "-q",
            "-p",
            "no:cacheprovider",
            *arguments,
        ]
        bare = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # a third of the time
        ran = subprocess.run(command, cwd=tmp_path, env=bare, capture_output=True, text=True, timeout=60)
        assert ran.returncode == 0, ran.stdout
        return {line for line in ran.stdout.splitlines() if "::" in line}

    return collect


@pytest.mark.slow
def test_all_are_all_and_a_slice_takes_stories_whole_and_cases_one_by_one(collected):
    everything = collected("--all")
    assert len({each for each in everything if "test_row[" not in each}) == 2 * SLICES * 2 + 42
    taken = collected("--slice=1003")
    assert "rooms/test_cases.py::test_always" in taken < everything
    first, second = ({each[:-3] for each in taken if each.endswith(end)} for end in ("one", "two"))
    assert (
        first == second == {each[:-3] for each in everything if in_slice(1003, each) and each.endswith("one")}
    )
    cases = {each for each in taken if "test_case[" in each}
    assert cases == {each for each in everything if "test_case[" in each and Sliced(1003).takes(each)}
    assert 0 < len(cases) < 40


@pytest.mark.slow
def test_three_runs_of_all_take_all_rows_of_a_table_in_three_parts(collected):
    parts = [
        {each for each in collected("--all", f"--slice={number}") if "test_row[" in each}
        for number in (3, 4, 5)
    ]
    assert all(parts)
    assert len(set().union(*parts)) == sum(map(len, parts)) == 30


@pytest.mark.slow
def test_what_is_dear_is_in_no_slice(collected):
    dear = {"rooms/test_cases.py::test_dear"}
    assert dear < collected("--all")
    assert not any(dear & collected(f"--slice={number}") for number in (3, 4))


@pytest.mark.slow
def test_what_is_slow_runs_with_its_slice_and_what_is_marked_so_with_each(tmp_path, collected):
    slow = "import pytest\npytestmark = [pytest.mark.slow{}]\ndef test_it(): pass\n"
    for n in range(SLICES):
        (tmp_path / f"rooms/test_slow_{n}.py").write_text(slow.format(""))
    (tmp_path / "rooms/test_core.py").write_text(slow.format(", pytest.mark.always"))
    every = [f"rooms/test_slow_{n}.py" for n in range(SLICES)]
    for number in (1000, 1001):
        taken = collected(f"--slice={number}")
        assert {each for each in taken if "slow" in each} == {
            f"{each}::test_it" for each in every if in_slice(number, each)
        }
        assert "rooms/test_core.py::test_it" in taken


@given(st.dictionaries(st.text(min_size=1), st.integers(3, 600)))
def test_slices_differ_by_no_more_than_their_longest_module(took):
    of = slices.balanced(took)
    sums = [sum(took[name] for name in took if of[name] == number) for number in range(SLICES)]
    assert max(sums) - min(sums) <= max(took.values(), default=0)


def in_slice(number, story):
    return Sliced(number).takes(story.partition("::")[0])


@pytest.mark.parametrize("name", [f"tests/{n}.py" for n in range(50)])
def test_whatever_is_marked_is_in_one_slice_and_in_all(name):
    assert [Sliced(1000 + n).takes(name) for n in range(SLICES)].count(True) == 1
    assert Sliced(1000, whole=True).takes(name)


@pytest.mark.slow
def test_of_those_that_take_turns_each_run_has_one_and_what_is_rare_only_runs_with_all(tmp_path, collected):
    marked = "import pytest\npytestmark = pytest.mark.every(turn='round')\ndef test_it(): pass\n"
    for name in "abc":
        (tmp_path / f"rooms/test_turn_{name}.py").write_text(marked)
    (tmp_path / "rooms/test_rare.py").write_text(marked.replace("turn='round'", "by='all'"))
    named = re.compile("test_turn_(.)")
    turns = [named.findall("".join(collected(f"--slice={number}"))) for number in (1000, 1001, 1002)]
    assert sorted(turns) == [["a"], ["b"], ["c"]]
    assert sorted(named.findall("".join(sorted(collected("--all"))))) == ["a", "b", "c"]
    assert len(collected("rooms/test_turn_a.py", "rooms/test_turn_b.py", "rooms/test_rare.py")) == 3
    rare = [any("rare" in each for each in collected(how)) for how in ("--slice=1000", "--all")]
    assert rare == [False, True]


ROWS = """
import pytest
pytestmark = pytest.mark.every(turn="round", parts=2, turn_parts=5)
@pytest.mark.parametrize("n", range(30))
def test_row(n): pass
"""


@pytest.mark.slow
def test_a_long_table_has_its_turn_in_parts_and_as_many_turns_take_all_of_it(tmp_path, collected):
    for name in "abc":
        (tmp_path / f"rooms/test_turn_{name}.py").write_text(ROWS)
    turns = [
        {each for each in collected(f"--slice={number}") if "test_turn_a" in each}
        for number in range(999, 999 + 3 * 5)
    ]
    assert [number % 3 for number, taken in enumerate(turns) if taken] == [0] * 5
    assert len(set().union(*turns)) == sum(map(len, turns)) == 30


@pytest.mark.slow
def test_workers_take_the_slice_of_their_run(tmp_path, collected):
    def ran(*arguments):
        command = [sys.executable, "-m", "pytest", "-p", "xdist", "-n", "2", "-rA", *arguments]
        bare = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        said = subprocess.run(command, cwd=tmp_path, env=bare, capture_output=True, text=True, timeout=60)
        return {
            line.removeprefix("PASSED ") for line in said.stdout.splitlines() if line.startswith("PASSED")
        }

    assert ran() == collected(f"--slice={slices.commit_number()}") != set()


@pytest.mark.slow
def test_a_file_that_is_named_runs_unless_a_slice_is_asked_for(collected):
    story = next(n for n in range(2 * SLICES) if not Sliced(0).takes(f"rooms/{n}/test_story_{n}.py"))
    module = f"rooms/{story}/test_story_{story}.py"
    assert len(collected(module)) == 2
    assert len(collected(f"{module}::test_one")) == 1
    assert len(collected(module, "rooms/test_cases.py", "--slice=0")) < 40


def test_a_run_says_how_the_same_is_taken_again():
    assert slices.header(Sliced(1089)).endswith("--slice=1089")


def test_where_git_does_not_say_it_is_the_first_slice(tmp_path):
    assert slices.commit_number(tmp_path) == 0


def test_a_clone_has_the_number_of_its_commit(tmp_path):
    def git(*words):
        subprocess.run(["git", *words], cwd=tmp_path, check=True, capture_output=True, timeout=30)

    git("init", "-q", "origin")
    for n in range(3):
        git(
            "-C",
            "origin",
            "-c",
            "user.name=a",
            "-c",
            "user.email=a@b",
            "commit",
            "--allow-empty",
            "-m",
            str(n),
        )
    git("clone", "-q", "origin", "clone")
    assert slices.commit_number(tmp_path / "clone") == 3


@pytest.mark.parametrize("stride", [2, 3, 4, 6, 8, 9, 12, 24, 27])
def test_a_sweep_takes_every_step_within_as_many_commits_of_its_slice_as_its_stride_is_long(stride):
    taking = [Sliced(1000 + SLICES * n) for n in range(stride)]
    assert set().union(*(_reached(each, stride) for each in taking)) == set(range(1, 100))


def _reached(sliced, stride, whole=1):
    first, step = sliced.steps(stride, whole)
    return set(range(first, 100, step))


def test_all_takes_whole_sweeps_or_a_part_of_what_takes_longest():
    assert _reached(Sliced(5, whole=True), 27) == set(range(1, 100))
    assert len(_reached(Sliced(5, whole=True), 27, whole=9)) == 11


def test_the_seconds_of_modules_that_did_not_run_are_kept_and_of_those_that_are_gone_are_not(tmp_path):
    file = tmp_path / "seconds.json"
    here, there = "tests/house/test_slices.py", "tests/house/test_rooms.py"
    seconds.keep({here: 10.4, there: 20.0, "tests/house/test_homes.py": 0.2, "tests/gone.py": 30.0}, file)
    seconds.keep({here: 12.4}, file)
    kept = {name: took for name, took in seconds.kept(file).items() if name in (here, there, "tests/gone.py")}
    assert kept == {here: 12, there: 20}


def test_what_was_kept_and_is_torn_is_not_there(tmp_path):
    (tmp_path / "seconds.json").write_text('{"tests/a.py": ')
    assert seconds.kept(tmp_path / "seconds.json") == seconds.kept(tmp_path / "none.json") == {}
