"""What an appliance's configuration may say of its stores."""

import pytest

from secondsite.appliance.shared import ApplianceConfig
from secondsite.domain import errors


@pytest.fixture
def config(tmp_path):
    return ApplianceConfig(
        appliance_id="x",
        name="x",
        site="b",
        home=tmp_path,
        store=tmp_path / "store",
        scratch=tmp_path / "scratch",
    )


def loaded(config, **stores):
    config.model_copy(update={"stores": stores}).save()
    return ApplianceConfig.load(config.home)


def test_the_default_store_comes_first(config, tmp_path):
    known = loaded(config, fast=tmp_path / "fast")
    assert known.all_stores == {"default": tmp_path / "store", "fast": tmp_path / "fast"}


@pytest.mark.parametrize(
    ("name", "folder", "told"),
    [
        ("default", "other", "is not among 'stores'"),
        ("fast", "store", "lies in the folder of another one"),
        ("fast", "store/fast", "lies in the folder of another one"),
        ("Fast store", "fast", "should match pattern"),
    ],
)
def test_stores_that_are_not_folders_of_their_own_are_refused(config, tmp_path, name, folder, told):
    with pytest.raises(errors.InvalidArgument, match=told):
        loaded(config, **{name: tmp_path / folder})
