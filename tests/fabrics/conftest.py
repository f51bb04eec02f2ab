"""Simulated sites for the tests of this folder."""

import shutil
import tempfile
from pathlib import Path

import pytest

from secondsite.fabrics import simulated


@pytest.fixture
def site():
    """The root of a simulated site; all its daemons are gone after the test."""
    root = Path(tempfile.mkdtemp(prefix="site-"))
    yield root
    simulated.demolish(root)
    shutil.rmtree(root)


@pytest.fixture
def fabric(site):
    return simulated.open_fabric(site)
