"""A site with a folder for scripts."""

import pytest


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "scripts"
    folder.mkdir(mode=0o755)
    return folder


@pytest.fixture
def site(sites, folder):
    return sites[1].restart(script_folder=folder)
