"""Why a vault was not reached, and what is to be done: a name server that was lost with a site is no lost
vault."""

import httpx2
import pytest

from secondsite.cli import exit_codes
from secondsite.client.connection import unreached
from secondsite.domain import errors

SAID = [
    ("[Errno -3] Temporary failure in name resolution", errors.VaultUnreachable, "/etc/hosts"),
    ("[Errno 111] Connection refused", errors.VaultUnreachable, "systemctl status"),
    ("CERTIFICATE_VERIFY_FAILED: IP address mismatch", errors.CertificateRefused, "vault init --host"),
    ("CERTIFICATE_VERIFY_FAILED: self-signed certificate", errors.CertificateRefused, "--ca"),
]


@pytest.mark.parametrize(("said", "kind", "advice"), SAID)
def test_what_kept_from_the_vault_is_said_with_what_mends_it(said, kind, advice):
    found = unreached("https://vault.example.net:8443", OSError(said))
    assert isinstance(found, kind)
    assert advice in found.do
    assert ("restore it" in found.do) == ("refused" in said)


def test_a_vault_that_was_reached_and_takes_long_is_not_said_to_be_gone():
    """An appliance that was silent made the command line say that the vault is to be restored, or left for
    the store's rescue."""
    found = unreached("https://vault.example.net:8443", httpx2.ReadTimeout("The read operation timed out"))
    assert (found.code, exit_codes.of_error(found)) == ("vault-slow", exit_codes.Exit.DEADLINE)
    assert "was reached, and has not answered for 60 s" in found.message
    assert "may still be doing" in found.do
    assert "rescue" not in found.do
    assert "restore" not in found.do
    assert "systemctl" not in found.do


def test_a_vault_that_was_not_reached_within_the_time_is_said_to_be_away():
    found = unreached("https://vault.example.net:8443", httpx2.ConnectTimeout("timed out"))
    assert found.code == "vault-unreachable"
