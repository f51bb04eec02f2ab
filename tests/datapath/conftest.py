"""Fixtures of the data path's tests: certificates of one CA, a target that listens, keys for encryption at
rest."""

import shutil

import pytest
import trustme

from secondsite.datapath.disks import luks_blank
from secondsite.datapath.disks.storage_daemon import StorageDaemon
from secondsite.datapath.encryption import encryption_key
from secondsite.ground.units import MiB
from tests.datapath.support_chain import Source
from tests.datapath.support_channel import Admission, Target, issue
from tests.support.small_stores import small

__all__ = ["small"]


@pytest.fixture(scope="session")
def authority():
    return trustme.CA()


@pytest.fixture(scope="session")
def tls(authority, tmp_path_factory):
    """Certificates by appliance name: `source` and `target`."""
    folder = tmp_path_factory.mktemp("tls")
    return {name: issue(authority, folder, name) for name in ("source", "target")}


@pytest.fixture
def admission(tmp_path):
    inbox_dir = tmp_path / "inbox"
    inbox_dir.mkdir()
    return Admission(inbox_dir)


@pytest.fixture
def target(admission, tls):
    """A receiver on a free port; nothing of it is left after the test."""
    listening = Target(admission, tls["target"], tls["source"])
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


@pytest.fixture(scope="session")
def key(tmp_path_factory):
    return encryption_key.make(tmp_path_factory.mktemp("key") / "key")


@pytest.fixture(scope="session")
def other_key(tmp_path_factory):
    return encryption_key.make(tmp_path_factory.mktemp("other") / "key")


@pytest.fixture(scope="session")
def blanks(tmp_path_factory, key):
    """A folder with the blank of a 4 MiB disk: making one takes seconds of processor time."""
    folder = tmp_path_factory.mktemp("blanks")
    luks_blank.create(folder / "first.qcow2", 4 * MiB, key, folder)
    return folder


@pytest.fixture
def lent(tmp_path, blanks):
    """The blank lies where a replica in `m1` looks for it."""
    (tmp_path / "m1/disks/sda").mkdir(parents=True)
    for blank in blanks.glob("blank-*"):
        shutil.copy(blank, tmp_path / "m1/disks/sda")
