"""Delivery of a message to a target: over one connection, which is cut when its time is over.

Its rooms:

    connection  the connection
    webhook     a signed POST
    mail        to a mail server
"""

from ....domain.notices.targets import NoticeTarget
from ..messages import Message
from . import mail, webhook
from .connection import DEADLINE_SECONDS, Line, NotDelivered, context, plain, require_receiver

__all__ = ["DEADLINE_SECONDS", "Line", "NotDelivered", "context", "plain", "require_receiver", "send"]


def send(target: NoticeTarget, secret: str | None, message: Message, line: Line) -> str:
    """Send the message; gives the answer of the other side. Raises NotDelivered."""
    with line:
        if target.webhook is not None:
            return webhook.send(target.webhook, secret or "", message, line, target.ca_pem)
        assert target.mail is not None
        return mail.send(target.mail, secret, message, line, target.ca_pem)
