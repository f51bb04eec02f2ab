"""On Debian 13, in a root of it that is made once and kept (`./dev debian 13`): the stories, the
installation, and what touches the hypervisor."""

import subprocess
import sys
from pathlib import Path

import pytest

from rig import release

VERSION = "13"
TOP = Path(release.__file__).resolve().parents[2]
IN_ALL = pytest.mark.every(by="all")
WITHIN_SECONDS = 3600

pytestmark = [
    pytest.mark.guest,
    pytest.mark.slow,
    pytest.mark.longest,
    pytest.mark.timeout(WITHIN_SECONDS + 60),
    pytest.mark.skipif(release.why_not() is not None, reason=str(release.why_not())),
]


@pytest.mark.parametrize("words", [
    pytest.param(("demo",), id="demo", marks=pytest.mark.every(by="test")),
    pytest.param(("demo", "--plan"), id="plan", marks=IN_ALL),
    pytest.param(("demo", "--worst-day"), id="worst-day", marks=IN_ALL),
    pytest.param(("demo", "--as-installed"), id="as-installed", marks=IN_ALL),
    pytest.param(("test", "--all", "tests/deploy", "tests/guestkit"), id="deploy", marks=IN_ALL),
    pytest.param(("test", "--slice={slice}", "tests/fabrics"), id="fabrics", marks=IN_ALL),
    pytest.param(("test", "--slice={slice}", "tests/datapath", "tests/rescue"), id="datapath", marks=IN_ALL),
])  # fmt: skip
def test_a_host_of_debian_13_does_the_same(words, sliced):
    if not sliced.whole and not release.Root(VERSION).exists:
        pytest.skip(
            "no root of Debian 13 is kept yet: ./dev debian 13 setup makes one, as does ./dev test --all"
        )
    asked = [word.format(slice=sliced.number) for word in words]
    done = subprocess.run(
        [sys.executable, "-m", "rig.release", VERSION, *asked], cwd=TOP, text=True, check=False,
        timeout=WITHIN_SECONDS,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-8000:]
