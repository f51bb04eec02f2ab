"""A connection that was kept may be closed by the time it is used again."""

import httpx2
import pytest

from secondsite.client import errors
from tests.support.scripted_vault import job, scripted, shown


@pytest.mark.parametrize(
    "closed",
    [httpx2.RemoteProtocolError("disconnected"), httpx2.ReadError("reset"), httpx2.WriteError("pipe")],
)
def test_what_only_asks_is_asked_once_more_when_the_kept_connection_was_closed(tmp_path, closed):
    vault, transport = scripted(tmp_path, closed, shown(job("running")))
    assert vault.jobs["j1"].show().state == "running"
    assert [each.method for each in transport.asked] == ["GET", "GET"]


def test_it_is_asked_only_once_more(tmp_path):
    vault, transport = scripted(tmp_path, *[httpx2.ReadError("reset")] * 3)
    with pytest.raises(errors.VaultUnreachable):
        vault.jobs["j1"].show()
    assert len(transport.asked) == 2


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (httpx2.ReadTimeout("slow"), errors.VaultSlow),
        (httpx2.ConnectError("refused"), errors.VaultUnreachable),
    ],
)
def test_a_vault_that_does_not_answer_is_not_asked_again(tmp_path, error, kind):
    vault, transport = scripted(tmp_path, error)
    with pytest.raises(kind):
        vault.jobs["j1"].show()
    assert len(transport.asked) == 1


def test_what_is_deleted_is_not_deleted_again(tmp_path):
    vault, transport = scripted(tmp_path, httpx2.ReadError("reset"))
    with pytest.raises(errors.VaultUnreachable):
        vault.sites["a"].delete()
    assert len(transport.asked) == 1
