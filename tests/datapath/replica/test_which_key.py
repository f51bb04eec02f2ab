"""What is encrypted is opened with the key that it was encrypted with, and with no other."""

import pytest

from secondsite.datapath import errors
from secondsite.datapath.encryption import customer_key


def test_only_its_own_key_fits(key, other_key):
    assert customer_key.fitting(key, key.key_id, "The replica") is key
    with pytest.raises(errors.KeyWrong, match=f"holds key {other_key.key_id}"):
        customer_key.fitting(other_key, key.key_id, "The replica")
    with pytest.raises(errors.KeyMissing):
        customer_key.fitting(None, key.key_id, "The replica")
    assert customer_key.fitting(key, None, "A plain one") is None
