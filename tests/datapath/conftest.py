"""Fixtures of the data path's tests: certificates of one CA, a target that listens."""

import pytest
import trustme

from secondsite.datapath.storage_daemon import StorageDaemon
from tests.datapath.support_chain import Source
from tests.datapath.support_channel import Door, Target, issue


@pytest.fixture(scope="session")
def authority():
    return trustme.CA()


@pytest.fixture(scope="session")
def tls(authority, tmp_path_factory):
    """Certificates by appliance name: `source` and `target`."""
    folder = tmp_path_factory.mktemp("tls")
    return {name: issue(authority, folder, name) for name in ("source", "target")}


@pytest.fixture
def door(tmp_path):
    inbox_dir = tmp_path / "inbox"
    inbox_dir.mkdir()
    return Door(inbox_dir)


@pytest.fixture
def target(door, tls):
    """A receiver on a free port; nothing of it is left after the test."""
    listening = Target(door, tls["target"], tls["source"])
    yield listening
    listening.listener.stop()


@pytest.fixture
def daemon(tmp_path):
    daemon = StorageDaemon(tmp_path / "daemon")
    yield daemon
    daemon.stop()


@pytest.fixture
def source():
    return Source()
