import os

import pytest

from secondsite.ground.processes import run_folder


def test_a_place_has_the_same_short_folder_each_time_and_no_other_place_has_it(tmp_path):
    deep = tmp_path / ("d" * 60) / ("e" * 60) / "daemon"
    first = run_folder.of(deep)
    assert run_folder.of(deep) == first != run_folder.of(tmp_path / "daemon")
    assert len(str(first / "nbd.sock")) < 100
    assert not first.exists()


def test_another_name_of_the_place_leads_to_the_same_folder(tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "link").symlink_to("store")
    assert run_folder.of(tmp_path / "link" / "daemon") == run_folder.of(tmp_path / "store" / "daemon")


def test_a_host_without_such_folders_uses_the_place_itself(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert run_folder.of(tmp_path) == tmp_path


@pytest.mark.skipif(os.getuid() != 0, reason="needs /run")
def test_nobody_else_can_make_it_before_us(tmp_path):
    for folder in list(run_folder.of(tmp_path).parents)[1:]:
        assert not folder.stat().st_mode & 0o022
