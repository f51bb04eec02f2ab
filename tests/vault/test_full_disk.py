"""A vault whose disk is full says so to who asks whether it serves, until there is room again."""

import contextlib
import errno

import pytest

from rig.small_store import NoRight, mounted
from secondsite.ground.units import KiB, MiB
from tests.support.vault import VaultInProcess

pytestmark = pytest.mark.slow


@pytest.fixture
def vault(tmp_path):
    with contextlib.ExitStack() as open_:
        try:
            folder = open_.enter_context(mounted(tmp_path / "small", 24 * MiB))
        except NoRight as problem:
            pytest.skip(str(problem))
        vault = VaultInProcess(folder / "vault")
        open_.callback(vault.close)
        yield vault


@contextlib.contextmanager
def full(folder):
    foreign = folder / "foreign"
    try:
        with contextlib.suppress(OSError), foreign.open("wb", buffering=0) as file:
            while file.write(bytes(64 * KiB)):
                pass
        with pytest.raises(OSError, match="No space") as seen:
            (folder / "more").write_bytes(bytes(64 * KiB))
        assert seen.value.errno == errno.ENOSPC
        yield
    finally:
        foreign.unlink()


def test_it_is_not_ready_while_nothing_can_be_written_and_ready_again_with_room(vault):
    assert vault.rest.get("/api/ready").status_code == 200
    with full(vault.home.parent):
        refused = vault.rest.post("/api/sites", json={"name": "paris"})
        assert refused.status_code == 503
        for _ in range(2):
            answer = vault.rest.get("/api/ready")
            assert answer.status_code == 503
            assert "Free at least" in answer.json()["error"]["do"]
        assert vault.rest.get("/api/machines").status_code == 200, "what is known can still be read"
    assert vault.rest.get("/api/ready").status_code == 200
    assert vault.rest.post("/api/sites", json={"name": "paris"}).status_code == 201
