"""Hosts as deploy/install leaves them; one rig with a protected machine for all modules that a worker has."""

import pytest

from rig.installed import Installed
from tests.e2e.installed.support_life import Life


@pytest.fixture(scope="session")
def life():
    with Installed() as rig:
        yield Life(rig).begin()


@pytest.fixture(scope="module")
def new_rig():
    """Nothing has been done on it."""
    with Installed() as rig:
        yield rig
