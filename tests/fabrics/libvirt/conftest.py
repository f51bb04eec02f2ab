"""One embedded root for each test process: libvirt holds no second one."""

import shutil
import tempfile
from pathlib import Path

import pytest

from tests.fabrics.libvirt.shared import rig_of_this_process
from tests.fabrics.libvirt.sites import Site


@pytest.fixture(scope="session")
def host():
    with rig_of_this_process() as rig:
        yield rig


@pytest.fixture
def rig(host):
    yield host
    host.clear()


@pytest.fixture
def site():
    root = Path(tempfile.mkdtemp(prefix="ss-lv-"))
    site = Site(root)
    try:
        yield site
    finally:
        site.end()
        shutil.rmtree(root, ignore_errors=True)
