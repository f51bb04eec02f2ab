"""A real Prometheus, which reads a real vault every second, with the alerts that are shipped, but for their
waits."""

import json
import re
import shutil
import subprocess
import urllib.parse
import urllib.request
from pathlib import Path

import yaml

from rig import processes
from tests.support import packages

RULES = Path(__file__).resolve().parents[3] / "deploy" / "prometheus" / "secondsite.rules.yml"


def require():
    """Skips where there is none."""
    packages.require("monitoring", lambda: bool(shutil.which("promtool")))


class Prometheus:
    """For a vault by its address and its home, as long as the block lasts."""

    def __init__(self, folder, url, home):
        self.folder, self.port = folder, processes.free_port()
        (folder / "rules.yml").write_text(re.sub(r"(?m)^ +for: .*\n", "", RULES.read_text()))
        configured = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(folder / "rules.yml")],
            "scrape_configs": [
                {
                    "job_name": "secondsite", "scheme": "https", "metrics_path": "/api/metrics",
                    "authorization": {"credentials_file": str(home / "token")},
                    "tls_config": {"ca_file": str(home / "pki" / "ca.pem")},
                    "static_configs": [{"targets": [url.removeprefix("https://")]}],
                }
            ],
        }  # fmt: skip
        (folder / "prometheus.yml").write_text(yaml.safe_dump(configured))

    def __enter__(self):
        command = [
            "prometheus", f"--config.file={self.folder}/prometheus.yml",
            f"--storage.tsdb.path={self.folder}/data", f"--web.listen-address=127.0.0.1:{self.port}",
        ]  # fmt: skip
        with (self.folder / "log").open("wb") as log:
            self._running = subprocess.Popen(command, stdout=log, stderr=log)
        return self

    def __exit__(self, *exc):
        self._running.terminate()
        self._running.wait(30)

    def asked(self, path, **words):
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(words)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return json.loads(answer.read())["data"]
        except OSError:
            return {"result": [], "alerts": []}

    def value(self, expression):
        return [float(each["value"][1]) for each in self.asked("query", query=expression)["result"]]

    def firing(self):
        """The names of the alerts that do."""
        alerts = self.asked("alerts")["alerts"]
        return {each["labels"]["alertname"] for each in alerts if each["state"] == "firing"}

    def state(self):
        """For who asks why an alert does not fire: those that do, scrapes of the last three minutes that
        failed, and the last words of Prometheus, such as of a full disk."""
        failed = self.value("count_over_time((up == 0)[3m:1s])")
        words = (self.folder / "log").read_text(errors="replace").splitlines()[-3:]
        return f"fire: {sorted(self.firing())}; failed scrapes: {failed}; {words}"
