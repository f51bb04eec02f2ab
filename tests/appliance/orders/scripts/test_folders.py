"""Nobody but root and the appliance's user has a say in what a script's path leads to; and what cannot
start is told before."""

import os

import pytest

from tests.appliance.orders.scripts.support_scripts import payload, ran, refused, write

pytestmark = pytest.mark.slow


@pytest.fixture
def nested(sites, tmp_path):
    """A site whose scripts are two folders deep, and the upper one."""
    above = tmp_path / "above"
    inner = above / "scripts"
    inner.mkdir(mode=0o755, parents=True)
    write(inner, "true")
    return sites[1].restart(script_folder=inner), above


@pytest.mark.parametrize("mode", [0o777, 0o775])
def test_a_folder_below_one_that_others_can_write_is_refused(nested, mode):
    site, above = nested
    assert ran(site)[1]["exit_status"] == 0
    above.chmod(mode)
    assert refused(site) == f"{above} can be written by others than its owner."


def test_where_only_owners_can_move_things_others_may_write_above(nested):
    """As in /tmp."""
    site, above = nested
    above.chmod(0o1777)
    assert ran(site)[1]["exit_status"] == 0


def test_a_folder_below_one_of_another_user_is_refused(nested):
    site, above = nested
    os.chown(above, 12345, -1)
    assert refused(site).startswith(f"{above} belongs to user 12345")


def test_a_folder_that_is_reached_through_a_link_is_refused(nested, tmp_path):
    site, above = nested
    link = tmp_path / "link"
    link.symlink_to(above)
    site = site.restart(script_folder=link / "scripts")
    assert refused(site) == f"{link} is not a folder, and no link to one may stand above scripts."


@pytest.mark.parametrize(
    ("line", "program"),
    [
        ("#!/nowhere/python", "/nowhere/python"),
        ("#! /bin/sh\r", "/bin/sh\\r"),
        ("#!/usr/bin/env no-such-program", "no-such-program"),
    ],
)
def test_a_script_whose_interpreter_is_missing_is_refused_with_its_name(site, folder, line, program):
    path = folder / "script"
    path.write_text(f"{line}\ntrue\n")
    path.chmod(0o755)
    assert refused(site) == (
        f"Script {path} cannot be run: there is no program '{program}', which its first line names."
    )


@pytest.mark.parametrize(
    "line", ["#!/usr/bin/env sh", "#!/usr/bin/env -S sh -e", "#!\t/bin/sh -e", "# no interpreter"]
)
def test_a_script_whose_interpreter_is_there_is_run(site, folder, line):
    path = folder / "script"
    path.write_text(f"{line}\necho ran\n")
    path.chmod(0o755)
    assert (ran(site)[1]["exit_status"], ran(site)[1]["output"]) == (0, "ran")


def test_a_program_that_the_system_cannot_start_is_told_with_its_name_and_the_reason(site, folder):
    """What is not a script either."""
    path = folder / "script"
    path.write_bytes(b"\x7fELF" + b"\0" * 60)
    path.chmod(0o755)
    sentence, facts = ran(site)
    assert facts["exit_status"] in (126, 127), sentence
    assert str(path) in facts["output"]
    assert payload().name in sentence
