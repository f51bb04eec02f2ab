"""A fixture of small file systems; without the right to mount one, its tests are skipped and say so."""

import contextlib

import pytest

from rig import small_store


@pytest.fixture
def small(tmp_path):
    """Makes file systems of a few MiB: `small("scratch", 32 * MiB)` gives the folder."""
    with contextlib.ExitStack() as mounts:

        def make(name, size_bytes):
            try:
                return mounts.enter_context(small_store.mounted(tmp_path / name, size_bytes))
            except small_store.NoRight as problem:
                pytest.skip(str(problem))

        yield make
