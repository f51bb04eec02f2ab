"""Why a vault was not reached, and what is to be done: a name server that was lost with a site is no lost vault."""

import pytest

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
