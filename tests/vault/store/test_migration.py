"""A database that has this program's tables is opened without Alembic."""

import subprocess
import sys

from alembic.config import Config
from alembic.script import ScriptDirectory

from rig import processes
from secondsite.vault.store import migrate
from secondsite.vault.store.migration import NEWEST, upgrading

PROGRAM = """
import sys
import secondsite.entry.vault_wiring
from secondsite.vault.store import migrate
migrate(sys.argv[1])
print(*sorted({"alembic", "psycopg"} & set(sys.modules)))
"""


def test_the_newest_revision_is_that_of_the_scripts():
    config = Config()
    config.set_main_option("script_location", str(upgrading.SCRIPTS))
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_current_head() == NEWEST


def test_a_vault_on_sqlite_that_has_its_tables_does_without_alembic_and_the_driver_of_postgresql(tmp_path):
    assert read_by_a_vault_that_opens(tmp_path / "new.db") == "alembic"
    migrate(f"sqlite:///{tmp_path / 'made.db'}")
    assert read_by_a_vault_that_opens(tmp_path / "made.db") == ""


def read_by_a_vault_that_opens(file):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, f"sqlite:///{file}"], env=processes.environment(),
        capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
