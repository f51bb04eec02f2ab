"""First site and vault are destroyed, hosts and all; new ones as deploy/install leaves them take their
place, and all comes home."""

from demo.telling import Report
from demo.worst_day import MACHINES, WorstDay
from tests.e2e.installed.support_life import IN_TURN, MARKS

pytestmark = [*MARKS, IN_TURN]


def test_the_worst_day_ends_at_home(new_rig, tmp_path):
    WorstDay(new_rig, Report(tmp_path / "report.json")).tell()
    for name in MACHINES:
        assert new_rig.virsh("a", "domid", name).strip() != "-"
