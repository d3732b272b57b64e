"""The token endpoint of Entra ID, and the metadata service that hands out tokens of managed identities."""

import base64
import json
import threading
import time
import urllib.parse
import uuid

from provided import TENANT

SCOPE = "https://management.azure.com/.default"
CLIENT = "22222222-3333-4444-5555-666666666666"


class Entra:
    def __init__(self):
        self.secret = f"secret~{uuid.uuid4().hex}"
        self.assertions = set()
        self.tokens = {}
        self.lifetime = 3600
        self.asked = 0
        self.lock = threading.Lock()

    def issue(self, audience):
        token = f"simulated.{uuid.uuid4().hex}.{uuid.uuid4().hex}"
        with self.lock:
            self.asked += 1
            self.tokens[token] = (time.monotonic() + self.lifetime, audience)
        return token

    def expire(self):
        """Lets every token end now."""
        with self.lock:
            self.tokens = {token: (0.0, audience) for token, (_, audience) in self.tokens.items()}

    def judge(self, header):
        """Returns the code and message that a request with this header is refused with, or none."""
        if not header or not header.startswith("Bearer "):
            return "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing or not a bearer token."
        with self.lock:
            found = self.tokens.get(header.removeprefix("Bearer "))
        if found is None:
            return "InvalidAuthenticationToken", "The access token is invalid."
        if found[0] <= time.monotonic():
            return "ExpiredAuthenticationToken", "The access token expiry UTC time is earlier than current UTC time."
        if found[1] not in ("https://management.azure.com/", "https://management.azure.com"):
            return "InvalidAuthenticationTokenAudience", f"The access token has been obtained for wrong audience '{found[1]}'."
        return None

    def answer(self, method, path, query, headers, body):
        """Answers a request to the token endpoint or the metadata service; none when it is for neither."""
        parts = path.strip("/").split("/")
        if path == "/metadata/identity/oauth2/token":
            return self.metadata(query, headers)
        if len(parts) != 4 or parts[1:] != ["oauth2", "v2.0", "token"]:
            return None
        form = {key: values[0] for key, values in urllib.parse.parse_qs(body.decode()).items()}
        problem = self.refusal(method, parts[0], headers, form)
        if problem:
            code, description, status = problem
            return status, {}, {"error": code, "error_description": description, "error_codes": [700000]}
        audience = form["scope"].removesuffix("/.default").rstrip("/") + "/"
        token = self.issue(audience)
        return 200, {}, {"token_type": "Bearer", "expires_in": self.lifetime, "ext_expires_in": self.lifetime, "access_token": token}

    def refusal(self, method, tenant, headers, form):
        if method != "POST" or "application/x-www-form-urlencoded" not in headers.get("content-type", ""):
            return "invalid_request", "AADSTS900144: The request must be a POST of a form.", 400
        if tenant != TENANT:
            return "invalid_request", f"AADSTS90002: Tenant '{tenant}' not found.", 400
        if form.get("grant_type") != "client_credentials":
            return "unsupported_grant_type", "AADSTS70003: The grant type is not supported.", 400
        if form.get("client_id") != CLIENT:
            return "unauthorized_client", "AADSTS700016: Application was not found in the directory.", 400
        if not form.get("scope", "").endswith("/.default"):
            return "invalid_scope", "AADSTS1002012: The provided value for scope is not valid.", 400
        if "client_assertion" in form:
            if form.get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer":
                return "invalid_request", "AADSTS90014: client_assertion_type is missing.", 400
            if not self.accepts(form["client_assertion"], tenant):
                return "invalid_client", "AADSTS700213: No matching federated identity record found.", 401
        elif form.get("client_secret") != self.secret:
            return "invalid_client", "AADSTS7000215: Invalid client secret provided.", 401
        return None

    def accepts(self, assertion, tenant):
        """Takes a federated token that was made known, or an assertion that a registered certificate has signed."""
        return assertion in self.assertions or self.signed_by_certificate(assertion, tenant)

    certificate = None

    def signed_by_certificate(self, assertion, tenant):
        if self.certificate is None or assertion.count(".") != 2:
            return False
        from cryptography import x509
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding

        decode = lambda text: base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        header, claims, signature = assertion.split(".")
        certificate = x509.load_pem_x509_certificate(self.certificate.encode())
        thumbprint = certificate.fingerprint(hashes.SHA256())
        head, said = json.loads(decode(header)), json.loads(decode(claims))
        try:
            if head.get("alg") == "PS256":
                scheme = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
            else:
                scheme = padding.PKCS1v15()
            certificate.public_key().verify(decode(signature), f"{header}.{claims}".encode(), scheme, hashes.SHA256())
        except InvalidSignature:
            return False
        now = time.time()
        return (
            decode(head.get("x5t#S256", "")) == thumbprint
            and said.get("iss") == said.get("sub") == CLIENT
            and said.get("aud", "").endswith(f"/{tenant}/oauth2/v2.0/token")
            and said.get("nbf", 0) <= now + 60
            and now < said.get("exp", 0) <= now + 86400
        )

    def metadata(self, query, headers):
        if headers.get("metadata", "").lower() != "true":
            return 400, {}, {"error": "invalid_request", "error_description": "Required metadata header not specified"}
        token = self.issue(query.get("resource", ""))
        return 200, {}, {"access_token": token, "expires_in": str(self.lifetime), "token_type": "Bearer", "resource": query.get("resource")}
