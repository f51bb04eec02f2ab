"""Backups that a vault makes by itself, how many are kept, and when somebody is told that there is none."""

from datetime import UTC, datetime, timedelta

import pytest

from secondsite.domain import backups as decisions
from secondsite.entry import settings, vault_main
from secondsite.entry.backup import backup_folder
from secondsite.entry.backup.backup_schedule import BackupSchedule
from secondsite.vault.health.backups import Backups
from tests.support.entry import backups
from tests.support.vault import VaultInProcess

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
RHYTHM = decisions.Rhythm(DAY, 3)


@pytest.mark.parametrize(
    ("newest", "failed_at", "due"),
    [
        (None, None, True),
        (NOW - DAY, None, True),
        (NOW - DAY / 2, None, False),
        (NOW + DAY, None, True),  # the clock was set back
        (None, NOW - timedelta(minutes=1), False),
        (None, NOW - timedelta(hours=1), True),
        (None, NOW + DAY, True),
    ],
)
def test_a_backup_is_due_when_the_newest_is_old_and_none_failed_just_now(newest, failed_at, due):
    assert RHYTHM.is_due(NOW, newest, failed_at) == due


@pytest.mark.parametrize(
    ("last", "used_since", "most", "code"),
    [
        (None, None, 7 * DAY, None),
        (None, NOW - 3 * DAY, 7 * DAY, None),
        (None, NOW - 8 * DAY, 7 * DAY, "never-backed-up"),
        (NOW - 8 * DAY, NOW - 30 * DAY, 7 * DAY, "backup-is-old"),
        (NOW - 6 * DAY, NOW - 30 * DAY, 7 * DAY, None),
        (NOW - 800 * DAY, None, timedelta(), None),
    ],
)
def test_somebody_is_told_when_the_last_good_backup_is_too_old(last, used_since, most, code):
    found = decisions.finding(NOW, last, used_since, most)
    assert (found.code if found else None) == code


@pytest.mark.slow
def test_a_vault_makes_them_by_itself_keeps_the_newest_and_leaves_other_files_alone(tmp_path):
    folder = tmp_path / "backups"
    folder.mkdir()
    made = vault_main.init(tmp_path / "vault", name="my vault", rest_port=0, control_port=0)
    secret = backups.phrase(tmp_path)
    chosen = made.settings.model_copy(
        update={"backup_folder": folder, "backup_keep": 2, "backup_passphrase_file": secret}
    )
    settings.write(tmp_path / "vault", chosen)
    others = [folder / "notes.txt", folder / backup_folder.name("other vault", NOW)]
    for at in range(1, 4):
        (folder / backup_folder.name("my vault", NOW + at * DAY)).write_bytes(b"an old one")
    for each in others:
        each.write_text("not ours")
    scheduled = BackupSchedule(tmp_path / "vault", chosen, lambda: datetime.now(UTC))
    scheduled.look()
    scheduled.look()
    found = backup_folder.of(folder)
    assert [each.path.name for each in found][1:] == [
        backup_folder.name("my vault", NOW + 3 * DAY),
        others[1].name,
    ]
    assert (found[0].encrypted, found[0].problem) == (True, "")
    assert "does not begin as a backup" in found[1].problem
    assert all(each.exists() for each in others)
    backups.restore(tmp_path / "restored", found[0].path, passphrase_file=secret)


@pytest.mark.slow
def test_one_that_fails_is_logged_with_what_to_do_and_drops_no_old_one(tmp_path, caplog, capsys):
    folder = tmp_path / "backups"
    made = vault_main.init(tmp_path / "vault", rest_port=0, control_port=0)
    chosen = made.settings.model_copy(update={"backup_folder": folder, "backup_keep": 1})
    settings.write(tmp_path / "vault", chosen)
    now = datetime.now(UTC)
    scheduled = BackupSchedule(tmp_path / "vault", chosen, lambda: now)
    scheduled.look()
    assert not folder.exists(), "its disk may not be mounted: nothing is made there"
    folder.mkdir()
    scheduled.look()
    assert not list(folder.iterdir()), "not at once again"
    now += timedelta(hours=1)
    scheduled.look()
    assert len(backup_folder.of(folder)) == 1


@pytest.mark.slow
def test_the_vault_says_when_its_last_backup_was_and_what_is_wrong(tmp_path):
    vault = VaultInProcess(tmp_path / "vault", backup_warn_days=1e-9)
    try:
        assert vault.rest.post("/api/sites", json={"name": "a"}).status_code == 201
        shown = vault.rest.get("/api/vault").json()
        assert (shown["backup_at"], [each["code"] for each in shown["findings"]]) == (
            None,
            ["never-backed-up"],
        )
        taken = backups.take(vault.home, tmp_path / "file")
        shown = vault.rest.get("/api/vault").json()
        assert [each["code"] for each in shown["findings"]] == ["backup-is-old"]
        assert datetime.fromisoformat(shown["backup_at"]) == taken.made_at
        with vault.store.reading() as tx:
            watch = Backups(timedelta(days=7))
            assert watch.finding(tx, taken.made_at) is None
            found = watch.finding(tx, taken.made_at + 8 * DAY)
            assert found is not None
            assert found.code == "backup-is-old"
    finally:
        vault.close()
