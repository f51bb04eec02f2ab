"""A backup of a running vault, restored elsewhere: all of it is there, and what is no whole backup is
refused."""

import dataclasses
import hashlib
import json
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import tarfile
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from backports import zstd
from structlog.testing import capture_logs

from rig.eventually import eventually
from secondsite import __version__
from secondsite.domain import errors
from secondsite.entry import settings, vault_main
from secondsite.entry.backup import archive, restoring
from secondsite.jobs.storage import database
from secondsite.vault.store import copying, migration
from tests.support.entry import backups
from tests.support.vault import VaultInProcess, machine

pytestmark = pytest.mark.slow
ABOUT = archive.About("2026-11-25T00:00:00+00:00", "v", "id", "1", "0001", "sqlite", "AA")


@pytest.fixture
def vault(tmp_path, database_url):
    """It runs, on a database of each kind, and a failover waits in it for its target."""
    url = None if database_url.startswith("sqlite") else database_url
    found = VaultInProcess(tmp_path / "vault", url)
    source, target = found.enroll("a"), found.enroll("b")
    with found.store.transaction() as tx:
        tx.machines.add(machine("m1", "web01", source_appliance_id=source.id, target_appliance_id=target.id))
    yield found
    found.close()


@pytest.fixture(scope="module")
def quiet(tmp_path_factory):
    """A home with a vault on SQLite that does not run; its backup, plain and encrypted. Tests change
    copies."""
    folder = tmp_path_factory.mktemp("quiet")
    vault_main.init(folder / "vault", rest_port=0, control_port=0)
    secret = backups.phrase(folder)
    return (
        backups.take(folder / "vault", folder / "plain").path,
        backups.take(folder / "vault", folder / "sealed", secret).path,
        secret,
    )


def test_what_ran_is_there_again_and_what_was_moving_is_held(vault, tmp_path, request):
    job_id = vault.rest.post("/api/machines/web01/failover").json()["job_id"]
    eventually(lambda: vault.rest.get(f"/api/jobs/{job_id}").json()["state"] == "waiting")
    secret = backups.phrase(tmp_path)
    taken = backups.take(vault.home, tmp_path / "file", secret)
    assert stat.S_IMODE(taken.path.stat().st_mode) == 0o600
    assert vault.rest.post("/api/sites", json={"name": "later"}).status_code == 201
    shown = vault.rest.get("/api/vault").json()
    assert shown["backup_at"] is not None
    files = backups.files_of(vault.home)
    vault.close()

    home, url = tmp_path / "restored", None
    if vault.running.settings.database_kind == "postgresql":
        with pytest.raises(errors.NotPossibleNow, match="belongs to a vault already"):
            backups.restore(home, taken.path, passphrase_file=secret)
        url = request.getfixturevalue("second_url")
    done = backups.restore(home, taken.path, passphrase_file=secret, database_url=url)
    assert (done.aside, done.about.version) == (None, __version__)
    assert backups.files_of(home) == files
    assert json.loads((home / settings.FILE).read_text())["id"] == vault.running.settings.id
    with backups.served(home) as rest:
        assert [each["name"] for each in rest.get("/api/sites").json()["items"]] == ["a", "b"]
        (held,) = rest.get("/api/jobs?state=held").json()["items"]
        assert held["id"] == job_id
        assert rest.get("/api/machines/web01").json()["state"] == "failing_over"
        assert rest.post(f"/api/jobs/{job_id}/resume").json()["state"] != "held"
        log = rest.get("/api/audit").json()["items"]
        assert [each["verb"] for each in log if each["verb"].startswith("vault ")] == ["vault restore"]
        assert rest.post("/api/sites", json={"name": "c"}).status_code == 201


@pytest.fixture
def second_url(postgres):
    with postgres.fresh_database() as url:
        yield url


def test_a_backup_that_others_write_beside_is_of_one_instant(vault, tmp_path):
    """Each transaction makes two sites: a copy that is of no one instant has one of them."""
    stopped = threading.Event()

    def write():
        number = 0
        while not stopped.is_set():
            with vault.store.transaction() as tx:
                site = tx.sites.list()[0]
                for half in ("left", "right"):
                    tx.sites.add(dataclasses.replace(site, name=f"{half}-{number}"))
            number += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        found = []
        for number in range(2):
            taken = backups.take(vault.home, tmp_path / f"file{number}")
            archive.unpack(taken.path, tmp_path / f"content{number}", None)
            found.append(_sites(tmp_path / f"content{number}" / "database"))
    finally:
        stopped.set()
        writer.join()
    for names in found:
        lefts, rights = (
            {name[-4:] for name in names if name.startswith(side)} for side in ("left-", "right")
        )
        assert {each.split("-")[-1] for each in lefts} == {each.split("-")[-1] for each in rights}
    assert len(found[0]) < len(found[-1])


def _sites(folder):
    if (folder / "vault.db").exists():
        with sqlite3.connect(folder / "vault.db") as database:
            return {row[0] for row in database.execute("select name from sites")}
    return {line.split("\t")[0] for line in (folder / "sites").read_text().splitlines()}


def test_a_plain_backup_opens_with_ordinary_tools(quiet, tmp_path):
    subprocess.run(["tar", "--zstd", "-xf", quiet[0], "-C", tmp_path], check=True, timeout=60)
    assert (tmp_path / "home" / "pki" / "ca.key").exists()
    assert json.loads((tmp_path / "manifest.json").read_text())["revision"] == migration.NEWEST


def test_an_encrypted_backup_shows_nothing_but_what_it_is(quiet):
    plain, sealed, _ = quiet
    content = sealed.read_bytes()
    assert b"ca.key" not in content
    assert b"PRIVATE KEY" not in content
    assert archive.look(sealed).ca_fingerprint == archive.look(plain).ca_fingerprint


def test_a_wrong_passphrase_is_called_so_and_nothing_is_made(quiet, tmp_path):
    wrong = backups.phrase(tmp_path, "another long passphrase")
    with pytest.raises(errors.KeyWrong, match="not that of"):
        backups.restore(tmp_path / "home", quiet[1], passphrase_file=wrong)
    with pytest.raises(errors.KeyMissing, match="is encrypted"):
        backups.restore(tmp_path / "home", quiet[1])
    assert not settings.exists(tmp_path / "home")


@pytest.mark.parametrize("kind", [0, 1], ids=["plain", "encrypted"])
@pytest.mark.parametrize("where", [0.02, 0.3, 0.6, 0.98])
def test_a_file_that_was_cut_off_or_altered_is_refused(quiet, tmp_path, kind, where):
    content = quiet[kind].read_bytes()
    at = int(len(content) * where)
    flipped = content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
    for spoiled in (content[:at], flipped):
        (tmp_path / "file").write_bytes(spoiled)
        with pytest.raises(errors.BackupDamaged):
            backups.restore(tmp_path / "home", tmp_path / "file", passphrase_file=quiet[2])
        assert not settings.exists(tmp_path / "home")


def test_a_backup_is_whole_whatever_its_length(tmp_path):
    """An archive is filled up to twenty blocks; where it ends in them decides what is left of it when its
    last file is read."""
    for blocks in range(20):
        folder = tmp_path / f"from{blocks}"
        (folder / "home").mkdir(parents=True)
        (folder / "home" / "token").write_bytes(bytes(512 * blocks))
        archive.pack(folder, ABOUT, tmp_path / "file", None)
        assert archive.unpack(tmp_path / "file", tmp_path / f"to{blocks}", None) == ABOUT


def test_what_follows_in_a_backup_is_refused(tmp_path):
    (tmp_path / "from" / "home").mkdir(parents=True)
    (tmp_path / "from" / "home" / "token").write_bytes(b"x")
    archive.pack(tmp_path / "from", ABOUT, tmp_path / "file", None)
    whole = zstd.decompress((tmp_path / "file").read_bytes())
    for more in (b"x" * 512, bytes(tarfile.RECORDSIZE) * 2):
        (tmp_path / "more").write_bytes(zstd.compress(whole + more))
        with pytest.raises(errors.BackupDamaged, match="something follows"):
            archive.unpack(tmp_path / "more", tmp_path / f"to{len(more)}", None)


def test_who_alters_an_encrypted_file_and_its_digest_is_found_out(quiet, tmp_path):
    content = bytearray(quiet[1].read_bytes()[:-32])
    content[len(content) // 2] ^= 1
    (tmp_path / "file").write_bytes(content + hashlib.sha256(content).digest())
    with pytest.raises(errors.BackupDamaged, match="does not know its passphrase"):
        backups.restore(tmp_path / "home", tmp_path / "file", passphrase_file=quiet[2])


def test_what_is_no_backup_at_all_is_refused(quiet, tmp_path):
    (tmp_path / "file").write_bytes(b"PK\x03\x04 something else")
    with pytest.raises(errors.BackupDamaged, match="does not begin as a backup"):
        backups.restore(tmp_path / "home", tmp_path / "file")
    with pytest.raises(errors.NotFound):
        backups.restore(tmp_path / "home", tmp_path / "nothing")


def test_a_backup_of_a_newer_release_is_refused_with_the_reason(quiet, tmp_path):
    newer = backups.rewritten(
        quiet[0], tmp_path / "content", tmp_path / "newer", revision="9999", version="9.0"
    )
    with pytest.raises(errors.NotPossibleNow, match=r"by a newer release: by 9\.0, .*9999") as refused:
        backups.restore(tmp_path / "home", newer)
    assert "with that release" in refused.value.do
    format_2 = backups.rewritten(quiet[0], tmp_path / "content", tmp_path / "other", format=2)
    with pytest.raises(errors.NotPossibleNow, match="in format 2"):
        backups.restore(tmp_path / "home", format_2)
    assert not settings.exists(tmp_path / "home")


@pytest.mark.parametrize(
    ("revision", "kind"), [("0031", "sqlite"), ("0031", "postgresql"), ("0005", "postgresql")]
)
def test_a_backup_of_a_day_before_the_first_release_names_the_program_that_restores_it(
    quiet, tmp_path, revision, kind
):
    older = backups.rewritten(
        quiet[0], tmp_path / "content", tmp_path / "older", revision=revision, database=kind
    )
    with pytest.raises(errors.NotPossibleNow, match=rf"revision {revision}, which is older") as refused:
        backups.restore(tmp_path / "home", older)
    assert "git checkout" in refused.value.do
    assert not settings.exists(tmp_path / "home")


def test_a_home_in_use_is_left_alone_and_one_that_is_replaced_is_kept_aside(quiet, tmp_path):
    other = vault_main.init(tmp_path / "home", rest_port=0, control_port=0)
    home = other.token_file.parent
    with pytest.raises(errors.NotPossibleNow, match="a vault's home already"):
        backups.restore(home, quiet[0])
    with backups.served(home), pytest.raises(errors.NotPossibleNow, match="runs"):
        backups.restore(home, quiet[0], replace=True)
    before = backups.files_of(home)
    done = backups.restore(home, quiet[0], replace=True)
    assert backups.files_of(done.aside) == before
    assert done.about.ca_fingerprint != other.ca_fingerprint
    with backups.served(home) as rest:
        assert rest.get("/api/vault").json()["ca_fingerprint"] == done.about.ca_fingerprint


@pytest.mark.parametrize("step", ["_set_aside", "_furnish", "_bring_up", "settings.write"])
def test_a_restore_that_is_broken_off_is_completed_by_the_next(quiet, tmp_path, monkeypatch, step):
    where = settings if "." in step else restoring
    name = step.rpartition(".")[2]
    real = getattr(where, name)

    def die(*arguments):
        if name != "write":
            real(*arguments)
        raise KeyboardInterrupt

    home = tmp_path / "home"
    with monkeypatch.context() as patched:
        patched.setattr(where, name, die)
        with pytest.raises(KeyboardInterrupt):
            backups.restore(home, quiet[0])
    assert not settings.exists(home)
    backups.restore(home, quiet[0])
    with backups.served(home) as rest:
        assert rest.get("/api/vault").status_code == 200


def test_a_backup_is_on_record_and_never_overwrites_a_file(quiet, tmp_path):
    with pytest.raises(errors.AlreadyExists):
        backups.take(quiet[0].parent / "vault", quiet[1])
    home = quiet[0].parent / "vault"
    with backups.served(home) as rest:
        entries = [each for each in rest.get("/api/audit").json()["items"] if each["verb"] == "vault backup"]
    assert [json.loads(each["details"])["encrypted"] for each in entries][-2:] == [True, False]


def test_a_backup_goes_on_record_also_when_others_write_for_longer_than_a_database_waits(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.05)
    home = tmp_path / "home"
    vault_main.init(home, rest_port=0, control_port=0)
    with backups.served(home) as rest:
        assert rest.get("/api/vault").status_code == 200
    other = sqlite3.connect(home / "vault.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    with capture_logs() as said, ThreadPoolExecutor() as pool:
        taking = pool.submit(backups.take, home, tmp_path / "file")
        eventually(
            lambda: any("locked" in each.get("problem", "") for each in said) or taking.done(),
            within_seconds=60,
        )
        assert not taking.done()
        other.execute("ROLLBACK")
        assert taking.result(60).on_record
    other.close()


def test_a_passphrase_that_others_read_or_that_is_short_is_refused(quiet, tmp_path):
    home = quiet[0].parent / "vault"
    short = backups.phrase(tmp_path, "short")
    with pytest.raises(errors.KeyMissing, match="at least 12"):
        backups.take(home, tmp_path / "file", short)
    short.chmod(0o644)
    with pytest.raises(errors.KeyMissing, match="read by others"):
        backups.take(home, tmp_path / "file", short)
    with pytest.raises(errors.KeyMissing, match="cannot be read"):
        backups.take(home, tmp_path / "file", tmp_path / "nowhere")
    assert not (tmp_path / "file").exists()


def test_a_rotation_in_the_midst_begins_the_backup_anew(quiet, tmp_path, monkeypatch):
    home = quiet[0].parent / "vault"
    real = copying.copy_out
    rotated: list[bool] = []

    def copy_out(url, folder):
        if not rotated:
            rotated.append(True)
            (home / "pki" / "next-ca.pem").write_text("half of a rotation")
        return real(url, folder)

    monkeypatch.setattr(copying, "copy_out", copy_out)
    try:
        taken = backups.take(home, tmp_path / "file")
    finally:
        (home / "pki" / "next-ca.pem").unlink()
    archive.unpack(taken.path, tmp_path / "content", None)
    assert (tmp_path / "content" / "home" / "pki" / "next-ca.pem").exists()


def test_a_damaged_database_gives_no_backup(quiet, tmp_path):
    home = tmp_path / "home"
    shutil.copytree(quiet[0].parent / "vault", home)
    moved = settings.read(home).model_copy(update={"database_url": settings.default_database(home)})
    settings.write(home, moved)
    database = home / "vault.db"
    content = bytearray(database.read_bytes())
    for at in range(8192, len(content) - 4096, 4096):
        content[at : at + 2048] = os.urandom(2048)
    database.write_bytes(content)
    with pytest.raises(errors.StoreUnavailable, match=r"damaged|could not be copied"):
        backups.take(home, tmp_path / "file")
    assert not (tmp_path / "file").exists()


AS_ROOT = """
import sys
from pathlib import Path
from secondsite.entry.backup import restoring, taking
verb, home, file, secret = sys.argv[1], *map(Path, sys.argv[2:])
if verb == "take":
    taking.take(home, file, secret)
else:
    restoring.restore(home, restoring.RestoreRequest(file, secret))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has files that the vault's user may not read")
def test_root_s_passphrase_and_root_s_backup_serve_a_home_of_the_vault_s_user(tmp_path):
    """As docs/guide/operations.md has it typed."""
    with tempfile.TemporaryDirectory(prefix="ss-", dir="/var/tmp") as folder:
        Path(folder).chmod(0o755)
        home, new, secret = Path(folder) / "vault", Path(folder) / "new", backups.phrase(tmp_path)
        vault_main.init(home, rest_port=0, control_port=0)
        new.mkdir()
        for path in (home, *home.rglob("*"), new):
            os.chown(path, 65534, 65534)
        words = [sys.executable, "-c", AS_ROOT]
        subprocess.run([*words, "take", home, home / "made", secret], check=True, timeout=120)
        shutil.move(home / "made", tmp_path / "vault.backup")
        subprocess.run([*words, "restore", new, tmp_path / "vault.backup", secret], check=True, timeout=120)
        assert {path.stat().st_uid for path in new.rglob("*")} == {65534}
        assert not [path for path in new.iterdir() if path.name.startswith(".")]
        assert backups.files_of(new)["token"] == backups.files_of(home)["token"]
