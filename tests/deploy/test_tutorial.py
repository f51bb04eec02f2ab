"""The tutorial, typed on two fresh hosts of each Debian release, line by line as its page has it."""

import pytest

from rig.packages import hosts
from tests.deploy.support_packages import packages, why_not
from tests.deploy.support_tutorial import BOTH_ARE_THERE, IS_PROTECTED, MACHINE, PAGE, steps, two_hosts

LISTED, SHOWN = "secondsite appliance list", "secondsite machine show web01"
BUILT = "./dev packages --release "
OURS = ("/usr/lib/secondsite", "qemu-storage-daemon", "loaded failed")
"""What nobody finds once the packages are removed."""


def test_each_line_has_its_host_but_the_one_that_builds_the_packages():
    found = list(steps(PAGE.read_text()))
    assert [each.line for each in found if not each.host] == [f"{BUILT}13"]
    assert {each.host for each in found if "enroll " in each.line} == {"rome", "paris"}


@pytest.mark.every(by="all")
@pytest.mark.guest
@pytest.mark.slow
@pytest.mark.longest
@pytest.mark.timeout(3600)
@pytest.mark.skipif(why_not() is not None, reason=str(why_not()))
@pytest.mark.parametrize("version", ["12", "13"])
def test_two_sites_are_set_up_and_a_machine_goes_and_comes_home_by_typing_the_page(version, tmp_path):
    with two_hosts(tmp_path, hosts.ready(version)) as here:
        here.copy(packages(version).values())
        here.run_machine()
        for step in steps(PAGE.read_text()):
            if step.host:
                here.type(step)
            if step.line == LISTED:
                here.until(LISTED, BOTH_ARE_THERE)
            if step.line == SHOWN:
                here.until(SHOWN, IS_PROTECTED)

        away, home = here.console("rome"), here.console("paris")
        home.wait_for_boot(2, within_seconds=300)
        assert "BAD" not in away.text + home.text
        assert [each.bye for each in away.boots] == [away.last_record], "it ended there in an orderly way"
        assert [each.verified_last for each in home.boots][1:] == [away.last_record], "nothing was lost"

        here.remove()
        for name in ("rome", "paris"):
            left = here.left(name)
            assert not [each for each in OURS if each in left], left
        assert here.terminals["paris"].type(f"virsh domstate {MACHINE}").strip() == "running"
