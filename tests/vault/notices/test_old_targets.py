"""Targets that an earlier release has taken."""

import pytest

from secondsite.domain.notices.targets import NoticeTarget, Webhook
from secondsite.vault.notices.delivery import Line, NotDelivered, send
from secondsite.vault.notices.messages import Message


@pytest.mark.parametrize("url", ["http://h:99999/", "http://h:abc/", "https://[::1/"])
def test_one_that_nobody_can_call_is_told_as_not_delivered(url):
    """It was an error of ours: nothing was counted as failed, and the target stayed claimed."""
    with pytest.raises(NotDelivered, match="no address of a webhook"):
        send(NoticeTarget(webhook=Webhook(url)), "x" * 20, Message("id", "s", "t", b"{}"), Line())
