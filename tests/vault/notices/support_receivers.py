"""Those who are told of things: a real mail server, and a real web server, on this machine."""

import asyncio
import email
import email.policy
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult

USER, PASSWORD = "vault", "a password of the vault"


class Authority:
    """A CA of the test, with a certificate for 127.0.0.1."""

    def __init__(self):
        self._ca = trustme.CA()
        self.pem = self._ca.cert_pem.bytes().decode()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._ca.issue_cert("127.0.0.1", "localhost").configure_cert(self.context)


class Inbox:
    """What came, and how the next ones are answered."""

    def __init__(self):
        self.mails = []
        self.envelopes = []
        self.refuse = None

    async def handle_DATA(self, _server, session, envelope):
        if self.refuse:
            return self.refuse
        self.envelopes.append(
            SimpleNamespace(to=envelope.rcpt_tos, encrypted=session.ssl is not None, user=session.auth_data)
        )
        self.mails.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        return "250 kept"


def _authenticate(_server, _session, _envelope, _mechanism, data):
    good = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=good, handled=False, auth_data=data.login.decode())


class _Controller(Controller):
    def __init__(self, inbox, authority, mode, asks_who):
        self._tls = authority.context if mode == "starttls" else None
        self._asks = asks_who
        whole = authority.context if mode == "tls" else None
        super().__init__(inbox, hostname="127.0.0.1", port=0, ssl_context=whole)

    def factory(self):
        return SMTP(
            self.handler,
            tls_context=self._tls,
            require_starttls=self._tls is not None,
            authenticator=_authenticate,
            # of TLS from the first byte it does not know
            auth_required=self._asks and self._tls is not None,
            auth_require_tls=self._tls is not None,
        )

    def _trigger_server(self):
        """The port is known only now."""
        assert isinstance(self.server, asyncio.Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


class MailServer:
    """`mode`: none, starttls, tls."""

    def __init__(self, authority, mode="starttls", asks_who=True):
        self.inbox = Inbox()
        self.authority, self.mode, self.asks_who = authority, mode, asks_who
        self._controller = _Controller(self.inbox, authority, mode, asks_who)
        self._controller.start()
        self.port = self._controller.port

    @property
    def mails(self):
        return self.inbox.mails

    def target(self, **changes):
        """The settings of a target that gets mails here."""
        mail = {
            "host": "127.0.0.1", "port": self.port, "tls": self.mode,
            "sender": "vault@example.org", "to": ["ops@example.org"],
        }  # fmt: skip
        who = {"secret": PASSWORD} if self.asks_who else {}
        mail |= {"user": USER} if self.asks_who else {}
        return {"mail": mail, "ca_pem": self.authority.pem, **who, **changes}

    def close(self):
        self._controller.stop()


class WebServer:
    """Keeps what is posted to it. `statuses` are its next answers, then 204; while `gate` is not set it
    answers nothing."""

    def __init__(self, authority=None):
        self.posts: list[SimpleNamespace] = []
        self.statuses: list[int] = []
        self.headers: dict[str, str] = {}
        self.gate = threading.Event()
        self.gate.set()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.posts.append(SimpleNamespace(path=self.path, headers=self.headers, body=body))
                receiver.gate.wait(60)
                self.send_response(receiver.statuses.pop(0) if receiver.statuses else 204)
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_said):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.authority = authority
        if authority is not None:
            self._server.socket = authority.context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self):
        kind = "http" if self.authority is None else "https"
        return f"{kind}://127.0.0.1:{self._server.server_address[1]}/hook"

    def target(self, **changes):
        """The settings of a target that is told here."""
        trusted = {} if self.authority is None else {"ca_pem": self.authority.pem}
        return {"webhook": {"url": self.url}, "secret": "a key of the two sides", **trusted, **changes}

    def close(self):
        self.gate.set()
        self._server.shutdown()
        self._server.server_close()
