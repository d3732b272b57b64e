"""Verifies a signed statement without Konductor: the envelope by securesystemslib, the statement by in-toto-attestation.

Started by the Rust tests with a public key (PEM) and a file with the envelope. Prints the statement as JSON, or ends with an
error.
"""

import json
import sys

from cryptography.hazmat.primitives.serialization import load_pem_public_key
from google.protobuf import json_format
from in_toto_attestation.v1.statement import Statement
from in_toto_attestation.v1 import statement_pb2
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey


def main():
    key_file, envelope_file = sys.argv[1:]
    with open(key_file, "rb") as file:
        public = load_pem_public_key(file.read())
    with open(envelope_file, encoding="utf-8") as file:
        envelope = Envelope.from_dict(json.load(file))
    [named] = envelope.signatures
    key = SSlibKey.from_crypto(public, keyid=named)
    envelope.verify([key], 1)
    if envelope.payload_type != "application/vnd.in-toto+json":
        sys.exit(f"unexpected payload {envelope.payload_type}")
    statement = json_format.Parse(envelope.payload, statement_pb2.Statement())
    Statement.copy_from_pb(statement).validate()
    print(envelope.payload.decode())


main()
