"""What a change can reach is run; what it cannot is left out."""

import subprocess

import pytest

from tests.support import since

FILES = {
    "src/secondsite/__init__.py": "",
    "src/secondsite/domain/__init__.py": "from .rpo_samples import Rpo\n",
    "src/secondsite/domain/rpo_samples.py": "from ..ground import units\nclass Rpo: pass\n",
    "src/secondsite/domain/plans.py": "",
    "src/secondsite/ground/__init__.py": "",
    "src/secondsite/ground/units.py": "",
    "src/secondsite/entry/__init__.py": "",
    "src/secondsite/entry/main.py": "from ..domain import rpo_samples\n",
    "src/secondsite/vault/store/tables.py": "",
    "rig/__init__.py": "",
    "rig/sites.py": "from secondsite.domain import plans\n",
    "tests/domain/conftest.py": "from tests.support import clocks\n",
    "tests/domain/test_rpo_samples.py": "from secondsite.domain import Rpo\n",
    "tests/domain/plans/test_plans.py": "from secondsite.domain.plans import Plan\n",
    "tests/support/clocks.py": "",
    "tests/e2e/test_story.py": "import rig.sites\nfrom secondsite.entry import main\n",
    "tests/vault/test_rows.py": "",
    "tests/docs/test_map.py": "",
    "tests/house/test_rooms.py": "",
}
HOUSE = "tests/house/test_rooms.py"


@pytest.fixture(scope="module")
def modules(tmp_path_factory):
    root = tmp_path_factory.mktemp("repository")
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return since.look(root)


DOMAIN = {"tests/domain/test_rpo_samples.py", "tests/domain/plans/test_plans.py"}
REACHED = {
    "what a test imports by a face, and its room": ("src/secondsite/domain/rpo_samples.py", DOMAIN),
    "what that imports": ("src/secondsite/ground/units.py", {"tests/domain/test_rpo_samples.py"}),
    "the program's entry": ("src/secondsite/entry/main.py", {"tests/e2e/test_story.py"}),
    "a room without tests of its own": ("src/secondsite/vault/store/tables.py", {"tests/vault/test_rows.py"}),
    "what is no module": ("src/secondsite/vault/store/page.html", {"tests/vault/test_rows.py"}),
    "what a conftest imports": ("tests/support/clocks.py", DOMAIN),
    "the rig": ("rig/sites.py", {"tests/e2e/test_story.py"}),
    "a test": ("tests/domain/test_rpo_samples.py", {"tests/domain/test_rpo_samples.py"}),
    "a page": ("docs/map.md", {"tests/docs/test_map.py"}),
}


@pytest.mark.parametrize("what", REACHED)
def test_a_change_reaches_what_imports_it_and_the_room_that_mirrors_it(modules, what):
    changed, tests = REACHED[what]
    assert since.reached({changed}, modules) == {HOUSE, *tests}


def test_a_change_of_anything_else_reaches_all(modules):
    all_of_them = {str(path) for path in modules.tests.values()}
    assert since.reached({"requirements/runtime.txt"}, modules) == all_of_them
    assert since.reached(set(), modules) == {HOUSE}


def test_what_is_not_committed_counts_and_an_unknown_revision_is_said(tmp_path):
    def git(*words):
        who = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", "-C", tmp_path, *who, *words], check=True, capture_output=True)

    git("init", "-q")
    (tmp_path / "a.py").write_text("1")
    git("add", "a.py")
    git("commit", "-q", "-m", "one")
    (tmp_path / "a.py").write_text("2")
    (tmp_path / "new.py").write_text("")
    assert since.changed_since("HEAD", tmp_path) == {"a.py", "new.py"}
    with pytest.raises(LookupError, match="what changed since 'nothing'"):
        since.changed_since("nothing", tmp_path)
