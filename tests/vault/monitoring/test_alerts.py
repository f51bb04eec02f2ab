"""The alerts that are shipped, by Prometheus itself: they fire when their cause is there, and not before."""

import json
import re
import shutil
import subprocess
import urllib.parse
import urllib.request
from pathlib import Path

import pytest
import yaml

from rig import processes
from rig.eventually import eventually
from secondsite.vault.metrics import families
from tests.support import packages
from tests.support.vault_process import made, start

__all__ = ["made", "start"]
pytestmark = pytest.mark.longest
RULES = Path(__file__).resolve().parents[3] / "deploy" / "prometheus" / "secondsite.rules.yml"
DASHBOARD = RULES.with_name("secondsite.grafana.json")
WIDTH = 24
TESTS = Path(__file__).with_name("alerts.test.yml")
PATIENCE = 90


@pytest.fixture(scope="module", autouse=True)
def prometheus():
    packages.require("monitoring", lambda: bool(shutil.which("promtool")))


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
    vault, port, home = start(), processes.free_port(), made.token_file.parent
    configured = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(quick(tmp_path))],
        "scrape_configs": [
            {
                "job_name": "secondsite", "scheme": "https", "metrics_path": "/api/metrics",
                "authorization": {"credentials_file": str(made.token_file)},
                "tls_config": {"ca_file": str(home / "pki" / "ca.pem")},
                "static_configs": [{"targets": [vault.url.removeprefix("https://")]}],
            }
        ],
    }  # fmt: skip
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(configured))
    command = [
        "prometheus", f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data",
        f"--web.listen-address=127.0.0.1:{port}",
    ]  # fmt: skip
    with (tmp_path / "log").open("wb") as log:
        running = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        eventually(lambda: value(port, "up") == [1], PATIENCE)
        assert value(port, "count(secondsite_jobs_ended_total) > 50")
        for query in queries():
            assert asked(port, "query", query=query)["resultType"] == "vector", query
        eventually(lambda: firing(port) == {"SecondsiteBackupOld"}, PATIENCE)
        vault.end()
        eventually(lambda: "SecondsiteVaultSilent" in firing(port), PATIENCE)
    finally:
        running.terminate()
        running.wait(30)


def quick(folder):
    """The rules, without their waits."""
    path = folder / "rules.yml"
    path.write_text(re.sub(r"(?m)^ +for: .*\n", "", RULES.read_text()))
    return path


def asked(port, path, **words):
    url = f"http://127.0.0.1:{port}/api/v1/{path}?{urllib.parse.urlencode(words)}"
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.loads(answer.read())["data"]
    except OSError:
        return {"result": [], "alerts": []}


def value(port, expression):
    return [float(each["value"][1]) for each in asked(port, "query", query=expression)["result"]]


def firing(port):
    return {
        each["labels"]["alertname"] for each in asked(port, "alerts")["alerts"] if each["state"] == "firing"
    }
