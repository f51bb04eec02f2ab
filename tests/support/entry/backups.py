"""A vault in this process, backups of it, and what a restore makes of them."""

import contextlib
import shutil
from pathlib import Path

from starlette.testclient import TestClient

from secondsite.entry import settings
from secondsite.entry.backup import archive, restoring, taking
from secondsite.entry.vault_wiring import RunningVault

PHRASE = "correct horse battery staple"


def phrase(folder, text=PHRASE):
    path = folder / "passphrase"
    path.write_text(text + "\n")
    path.chmod(0o600)
    return path


def restore(home, file, **wanted):
    return restoring.restore(home, restoring.RestoreRequest(file, **wanted))


@contextlib.contextmanager
def served(home):
    """The vault of a home, as a client sees it with the token that lies there."""
    running = RunningVault(home, settings.read(home))
    try:
        app = running.start()
        token = (home / settings.TOKEN_FILE).read_text().strip()
        with TestClient(app, headers={"Authorization": f"Bearer {token}"}) as client:
            yield client
    finally:
        running.stop()


def rewritten(file, folder, to, **changes):
    """The backup (not encrypted) with another manifest, as another release would write it."""
    shutil.rmtree(folder, ignore_errors=True)
    about = archive.unpack(file, folder, None)
    archive.pack(folder, type(about)(**{**about_of(about), **changes}), to, None)
    return to


def about_of(about):
    return {name: getattr(about, name) for name in about.__dataclass_fields__}


def files_of(home):
    """What makes the home a vault, by name; the database aside."""
    found = {str(path.relative_to(home)): path.read_bytes() for path in (home / "pki").iterdir()}
    return {**found, "token": (home / "token").read_bytes()}


def take(home, to: Path, passphrase_file=None):
    return taking.take(home, to, passphrase_file)
