"""The alerts that are shipped, by Prometheus itself: they fire when their cause is there, and not before."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from rig.eventually import eventually
from secondsite.vault.metrics import families
from tests.support.vault_process import made, start
from tests.vault.monitoring.support_prometheus import RULES, Prometheus, require

__all__ = ["made", "start"]
pytestmark = pytest.mark.longest
DASHBOARD = RULES.with_name("secondsite.grafana.json")
WIDTH = 24
TESTS = Path(__file__).with_name("alerts.test.yml")
PATIENCE = 90


@pytest.fixture(scope="module", autouse=True)
def prometheus():
    require()


def rules():
    (group,) = yaml.safe_load(RULES.read_text())["groups"]
    return group["rules"]


def promtool(*words, cwd):
    done = subprocess.run(
        ["promtool", *words], capture_output=True, text=True, timeout=120, cwd=cwd, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_fires_when_its_cause_is_there_and_not_before(tmp_path):
    for each in (RULES, TESTS):
        shutil.copy(each, tmp_path)
    promtool("check", "rules", RULES.name, cwd=tmp_path)
    promtool("test", "rules", TESTS.name, cwd=tmp_path)
    tried = [each for test in yaml.safe_load(TESTS.read_text())["tests"] for each in test["alert_rule_test"]]
    for name in (each["alert"] for each in rules() if "alert" in each):
        assert any(each["alertname"] == name and not each["exp_alerts"] for each in tried), name
        assert any(each["alertname"] == name and each["exp_alerts"] for each in tried), name


def test_alerts_and_dashboard_ask_for_nothing_that_no_vault_tells():
    known = {each.name for each in families.every()}
    expressions = [str(each["expr"]) for each in rules()] + queries()
    asked = {name for each in expressions for name in re.findall(r"\bsecondsite_\w+", each)}
    assert asked <= known, asked - known


def test_the_dashboard_s_panels_are_told_apart_and_lie_beside_each_other():
    panels = json.loads(DASHBOARD.read_text())["panels"]
    for what in ("id", "title", "description"):
        assert len({each[what] for each in panels}) == len(panels)
    taken = [cell for each in panels for cell in cells(each["gridPos"])]
    assert len(set(taken)) == len(taken)
    assert all(x < WIDTH for x, _y in taken)


def cells(place):
    across = range(place["x"], place["x"] + place["w"])
    return [(x, y) for x in across for y in range(place["y"], place["y"] + place["h"])]


def queries():
    """All of the dashboard, with everything chosen."""
    found = [
        each["expr"] for panel in json.loads(DASHBOARD.read_text())["panels"] for each in panel["targets"]
    ]
    return [re.sub(r"\$(source|machine)", ".*", each) for each in found]


def test_a_real_prometheus_reads_a_real_vault_and_its_alerts_fire(made, start, tmp_path):
    vault = start()
    with Prometheus(tmp_path, vault.url, made.token_file.parent) as watch:
        eventually(lambda: watch.value("up") == [1], PATIENCE)
        assert watch.value("count(secondsite_jobs_ended_total) > 50")
        for query in queries():
            assert watch.asked("query", query=query)["resultType"] == "vector", query
        eventually(lambda: watch.firing() == {"SecondsiteBackupOld"}, PATIENCE)
        vault.end()
        eventually(lambda: "SecondsiteVaultSilent" in watch.firing(), PATIENCE)
