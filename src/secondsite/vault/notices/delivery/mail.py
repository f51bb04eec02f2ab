"""Delivery to a mail server, as plain text."""

import smtplib
import socket
import ssl
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, localtime

from ....domain.notices.targets import Mail, Tls
from ..messages import Message
from .connection import SILENCE_SECONDS, Line, NotDelivered, context, plain


class _Server(smtplib.SMTP):
    """An SMTP client on the delivery's connection."""

    def __init__(self, mail: Mail, line: Line, trust: ssl.SSLContext | None) -> None:
        self._line = line
        self._trust = trust
        super().__init__(mail.host, mail.port, local_hostname=socket.gethostname(), timeout=SILENCE_SECONDS)

    def _get_socket(self, host: str, port: int, _timeout: float) -> socket.socket:
        opened = self._line.dial(host, port)
        return opened if self._trust is None else self._trust.wrap_socket(opened, server_hostname=host)


def send(mail: Mail, password: str | None, message: Message, line: Line, ca_pem: str | None) -> str:
    """Send the mail; gives the server's answer. Raises NotDelivered."""
    try:
        return _sent(mail, password, message, line, ca_pem)
    except smtplib.SMTPRecipientsRefused as refused:
        raise NotDelivered(f"It accepts no mail for {_refused(refused.recipients)}.") from refused
    except smtplib.SMTPResponseException as refused:
        raise NotDelivered(f"It answered {refused.smtp_code} {plain(refused.smtp_error)}") from refused
    except (OSError, smtplib.SMTPException, ValueError) as error:
        raise NotDelivered(line.why(error)) from error


def _sent(mail: Mail, password: str | None, message: Message, line: Line, ca_pem: str | None) -> str:
    trust = context(ca_pem) if mail.tls is not Tls.NONE else None
    server = _Server(mail, line, trust if mail.tls is Tls.TLS else None)
    try:
        if mail.tls is Tls.STARTTLS:
            server.starttls(context=trust)
        if mail.user is not None:
            server.login(mail.user, password or "")
        refused = server.sendmail(mail.sender, mail.to, _mail(mail, message))
        but = f", but not for {_refused(refused)}" if refused else ""
        return f"accepted by {plain(mail.host)} for {len(mail.to) - len(refused)} of {len(mail.to)}{but}"
    finally:
        server.close()


def _refused(recipients: dict[str, tuple[int, bytes]]) -> str:
    return "; ".join(f"{to}: {code} {plain(why)}" for to, (code, why) in recipients.items())


def _mail(mail: Mail, message: Message) -> bytes:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = mail.sender, ", ".join(mail.to), message.subject
    made["Date"] = format_datetime(localtime())
    made["Message-ID"] = f"<{message.id}@{mail.sender.rpartition('@')[2]}>"
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(message.text)
    return made.as_bytes(policy=SMTP)
