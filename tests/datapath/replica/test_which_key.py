"""What is encrypted is opened with the key that it was encrypted with, and with no other."""

import pytest

from secondsite.datapath import errors
from secondsite.datapath.encryption import encryption_key


def test_only_its_own_key_fits(key, other_key):
    assert encryption_key.fitting(key, key.key_id, "The replica") == key
    with pytest.raises(errors.KeyWrong, match=f"holds key {other_key.key_id}"):
        encryption_key.fitting(other_key, key.key_id, "The replica")
    with pytest.raises(errors.KeyMissing):
        encryption_key.fitting(None, key.key_id, "The replica")
    assert encryption_key.fitting(key, None, "A plain one") is None
