"""A security key as a program: it makes keys, and answers with them, as WebAuthn says."""

import base64
import hashlib
import json
import os
import struct

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2 import cbor
from fido2.cose import ES256
from fido2.webauthn import Aaguid, AttestedCredentialData

PRESENT, HAS_KEY = 0x01, 0x40


def text(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class Key:
    """A key of one origin, whose browser says `origin` and `host` of the page that asks. `counts`: whether it
    says how often it was used."""

    def __init__(self, origin="https://vault.example", host="vault.example", counts=True):
        self.origin, self.host, self.counts = origin, host, counts
        self.uses, self.id = 0, os.urandom(32)
        self.private = ec.generate_private_key(ec.SECP256R1())

    def make(self, options):
        """What a browser answers that made this key."""
        asked = json.loads(options)["publicKey"]
        public = ES256.from_cryptography_key(self.private.public_key())
        made = AttestedCredentialData.create(Aaguid.NONE, self.id, public)
        attested = cbor.encode({"fmt": "none", "authData": self._said(HAS_KEY) + made, "attStmt": {}})
        said = {
            "clientDataJSON": text(self._client("webauthn.create", asked)),
            "attestationObject": text(attested),
        }
        return self._answer(said)

    def use(self, options):
        """What a browser answers that used this key."""
        asked = json.loads(options)["publicKey"]
        client, said = self._client("webauthn.get", asked), self._said(0)
        signed = self.private.sign(said + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        return self._answer(
            {"clientDataJSON": text(client), "authenticatorData": text(said), "signature": text(signed)}
        )

    def _answer(self, response):
        answer = {"id": text(self.id), "rawId": text(self.id), "type": "public-key", "response": response}
        return json.dumps(
            {**answer, "clientExtensionResults": {}, "authenticatorAttachment": "cross-platform"}
        )

    def _client(self, kind, asked):
        return json.dumps({"type": kind, "challenge": asked["challenge"], "origin": self.origin}).encode()

    def _said(self, flags):
        self.uses += self.counts
        return hashlib.sha256(self.host.encode()).digest() + struct.pack(">BI", PRESENT | flags, self.uses)
