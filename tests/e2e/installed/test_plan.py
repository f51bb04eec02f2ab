"""Three tiers in a recovery plan, there and home again, on hosts as deploy/install leaves them: checks
within isolated networks, DNS names, a script, a person who is asked."""

from demo.plan import PlanStory
from demo.telling import Report
from tests.e2e.installed.support_life import IN_TURN, MARKS

pytestmark = [*MARKS, IN_TURN]


def test_a_plan_is_drilled_moved_and_brought_home_in_its_order(new_rig, tmp_path):
    PlanStory(new_rig, Report(tmp_path / "report.json")).tell()
    for name in new_rig.guests:
        assert new_rig.machine(name).state == "committed"
