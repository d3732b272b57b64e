"""The token service: assertions signed by the one service account's key become tokens that expire."""

import base64
import secrets
import time

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import crypt, jwt

from project import Refused

OWN = f"ya29.own{secrets.token_urlsafe(16)}"
PROJECT = "simulated"
EMAIL = f"deploy@{PROJECT}.iam.gserviceaccount.com"


class Tokens:
    """Issues tokens and knows which are good."""

    def __init__(self, lifetime):
        self.lifetime = lifetime
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.issued = {}
        #: All that were given out, whether they are still good or not.
        self.given = []

    def key_file(self, url):
        private = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return {
            "type": "service_account", "project_id": PROJECT, "private_key_id": "one", "private_key": private.decode(),
            "client_email": EMAIL, "client_id": "1", "token_uri": f"{url}/token",
        }

    def grant(self, form, url):
        """Checks an assertion with Google's own library, and gives a token for its scope."""
        public = self.key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        verifier = crypt.RSAVerifier.from_string(public)
        assertion = form.get("assertion", [""])[0]
        signed, _, signature = assertion.rpartition(".")
        signature = base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
        if not verifier.verify(signed.encode(), signature):
            raise Refused(400, "invalid_grant", "Invalid JWT Signature.")
        claims = jwt.decode(assertion, verify=False)
        good = claims["aud"] == f"{url}/token" and claims["iss"] == EMAIL and claims["exp"] - claims["iat"] <= 3600
        if not good or abs(claims["iat"] - time.time()) > 300:
            raise Refused(400, "invalid_grant", "Invalid JWT.")
        token = f"ya29.{secrets.token_urlsafe(32)}"
        self.given.append(token)
        self.issued[token] = (claims["scope"], time.time() + self.lifetime)
        return {"access_token": token, "expires_in": self.lifetime, "token_type": "Bearer"}

    def own(self):
        """Returns the token of whoever looks into the project from outside."""
        self.issued[OWN] = ("https://www.googleapis.com/auth/cloud-platform", time.time() + 86400)
        return OWN

    def expire(self):
        """Makes all tokens bad that konductor got."""
        self.issued = {token: found for token, found in self.issued.items() if token == OWN}

    def check(self, header, scopes):
        """Refuses a request without a token, and one whose token is not good for the method."""
        scope, until = self.issued.get((header or "").removeprefix("Bearer "), ("", 0))
        if until < time.time():
            raise Refused(401, "authError", "Request had invalid authentication credentials.")
        if not set(scope.split(" ")) & set(scopes):
            raise Refused(403, "insufficientPermissions", "Request had insufficient authentication scopes.")
