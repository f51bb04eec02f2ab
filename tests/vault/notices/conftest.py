"""Receivers, and a vault that looks often."""

import pytest

from secondsite.vault.notices import couriers, notifier
from secondsite.vault.notices.detection import Detection
from tests.support.vault import VaultInProcess
from tests.vault.notices.support_receivers import Authority, MailServer, WebServer


@pytest.fixture(scope="session")
def authority():
    return Authority()


@pytest.fixture
def mail_server(authority):
    """Starts one."""
    started = []

    def start(mode="starttls", asks_who=True):
        started.append(MailServer(authority, mode, asks_who))
        return started[-1]

    yield start
    for each in started:
        each.close()


@pytest.fixture
def web_server():
    started = []

    def start(authority=None):
        started.append(WebServer(authority))
        return started[-1]

    yield start
    for each in started:
        each.close()


@pytest.fixture
def often(monkeypatch):
    monkeypatch.setattr(notifier, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(notifier, "FINDINGS_SECONDS", 0.0)
    monkeypatch.setattr(notifier, "BUSY_SECONDS", 0.05)
    monkeypatch.setattr(couriers, "FIRST_PAUSE_SECONDS", 0.2)


@pytest.fixture
def looks(monkeypatch):
    """Grows with each look."""
    done, look = [], Detection.look

    def counted(self, *given, **named):
        look(self, *given, **named)
        done.append(1)

    monkeypatch.setattr(Detection, "look", counted)
    return done


@pytest.fixture
def vault(often, tmp_path):
    vault = VaultInProcess(tmp_path / "vault", notices_settle_seconds=0)
    yield vault
    vault.close()


@pytest.fixture
def tell(vault):
    """Makes a target."""

    def tell(name, **settings):
        answer = vault.rest.post("/api/notices/targets", json={"name": name, "pace_seconds": 0, **settings})
        assert answer.status_code == 201, answer.text
        return answer.json()

    return tell


@pytest.fixture
def going(vault):
    """How it goes with a target."""
    return lambda name: vault.rest.get(f"/api/notices/targets/{name}").json()["delivery"]
