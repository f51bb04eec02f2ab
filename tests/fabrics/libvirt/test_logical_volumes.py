"""The conformance suite over LVM's volumes, thick and thin, in an emulated host: the kernel of those who run
the tests may have no device mapper. What writes there is QEMU itself: no guest boots in a guest."""

import re
import shutil
import sys

import pytest

from guestkit import emulated_host
from tests.support import packages

pytestmark = [pytest.mark.slow, pytest.mark.longest, pytest.mark.every(by="all"), pytest.mark.timeout(3600)]
SUITE = "tests/fabrics/libvirt/support_logical_volumes.py"
WITHIN_SECONDS = 3000


@pytest.mark.parametrize("kind", ["Thick", "Thin"])
def test_points_of_machines_on_logical_volumes_are_true(tmp_path, kind, pytestconfig):
    packages.require("logical-volumes", lambda: bool(shutil.which("vgcreate", path="/usr/sbin")))
    pytest_here = f"{sys.executable} -m pytest -n 0 -q --all --color=no -p no:cacheprovider -o timeout=900"
    command = f"cd {pytestconfig.rootpath} && exec {pytest_here} {SUITE} -k Test{kind}"
    code, said = emulated_host.run(tmp_path, command, WITHIN_SECONDS)
    assert code == 0, said[-20000:]
    assert re.search(r"\b\d\d passed", said), said[-20000:]
