"""Delivery to a webhook: a signed POST with JSON. Redirects are not followed, and proxies not used."""

import hashlib
import hmac
import http.client
import time
from urllib.parse import urlsplit

from ....domain.notices.targets import Webhook
from ..messages import Message
from .connection import Line, NotDelivered, context, plain

MESSAGE, TIMESTAMP, SIGNATURE = "Secondsite-Message", "Secondsite-Timestamp", "Secondsite-Signature"
GOOD = range(200, 300)
REDIRECTS = range(300, 400)


def send(webhook: Webhook, secret: str, message: Message, line: Line, ca_pem: str | None) -> str:
    """Send the message; gives the status of the answer. Raises NotDelivered."""
    try:
        url = urlsplit(webhook.url)
        secure = url.scheme == "https"
        host, port = url.hostname or "", url.port or (443 if secure else 80)
    except ValueError as error:
        # an address that an earlier release accepted
        raise NotDelivered(f"{webhook.url!r} is no address of a webhook: {error}.") from error
    path = f"{url.path or '/'}{f'?{url.query}' if url.query else ''}"
    connection = http.client.HTTPConnection(host, port)
    try:
        opened = line.dial(host, port)
        connection.sock = context(ca_pem).wrap_socket(opened, server_hostname=host) if secure else opened
        connection.request("POST", path, message.body, _headers(secret, message))
        answer = connection.getresponse()
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NotDelivered(line.why(error)) from error
    finally:
        connection.close()
    said = f"{answer.status} {plain(answer.reason)}".strip()
    if answer.status in REDIRECTS:
        raise NotDelivered(f"It answered {said}: redirects are not followed; give the address that is meant.")
    if answer.status not in GOOD:
        raise NotDelivered(f"It answered {said}.")
    return said


def _headers(secret: str, message: Message) -> dict[str, str]:
    timestamp = str(int(time.time()))
    return {
        "Content-Type": "application/json",
        "User-Agent": "secondsite",
        MESSAGE: message.id,
        TIMESTAMP: timestamp,
        SIGNATURE: f"v1={signature(secret, timestamp, message.body)}",
    }


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """HMAC-SHA256 of timestamp, full stop and body, in hex."""
    return hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
