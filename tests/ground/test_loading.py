"""What a service does not load."""

import importlib
import sys

import pytest

from secondsite.ground.processes import loading

NEVER_LOADED = "this"


def test_what_is_left_out_cannot_be_imported_until_later(capsys):
    sys.modules.pop(NEVER_LOADED, None)
    with loading.without((NEVER_LOADED,)), pytest.raises(ImportError):
        importlib.import_module(NEVER_LOADED)
    assert importlib.import_module(NEVER_LOADED).__name__ == NEVER_LOADED
    assert "Zen" in capsys.readouterr().out


def test_what_is_loaded_already_stays():
    with loading.without(("pytest",)):
        assert importlib.import_module("pytest") is pytest
    assert sys.modules["pytest"] is pytest
