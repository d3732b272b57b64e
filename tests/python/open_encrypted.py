"""Opens an encrypted log without Konductor, as docs/encryption.md describes it.

usage: open_encrypted.py FILE KIND ARGUMENTS…
  aws-kms  ENDPOINT REGION ACCESS_KEY_ID SECRET_ACCESS_KEY   the data key is unwrapped by boto3
  plain    DATA_KEY_AS_JSON                                   somebody else has unwrapped it

Prints the entries of the log, one line of JSON for each, oldest first. What does not open ends it with an error.
"""

import base64
import hashlib
import hmac
import json
import sqlite3
import sys

from cryptography.hazmat.primitives.ciphers.aead import AESGCM


class DataKey:
    def __init__(self, key):
        self.name = self.derived(key, b"konductor: name of a data key")[:8]
        self.cipher = AESGCM(self.derived(key, b"konductor: encryption with a data key"))

    @staticmethod
    def derived(key, purpose):
        return hmac.new(key, purpose, hashlib.sha256).digest()

    def open(self, place, sealed):
        return self.cipher.decrypt(sealed[:12], sealed[12:], place)


def unwrap_with_kms(meta, wrapped, endpoint, region, key_id, secret):
    import boto3

    client = boto3.client(
        "kms", endpoint_url=endpoint, region_name=region, aws_access_key_id=key_id, aws_secret_access_key=secret
    )
    context = {"konductor:project": meta["project"], "konductor:stack": meta["stack"]}
    blob = base64.b64decode(wrapped["text"])
    plain = client.decrypt(CiphertextBlob=blob, EncryptionContext=context)["Plaintext"]
    try:
        client.decrypt(CiphertextBlob=blob, EncryptionContext={**context, "konductor:stack": "another"})
    except client.exceptions.ClientError:
        return plain
    raise SystemExit("the wrapped key is not bound to the stack")


def main(file, kind, *arguments):
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    meta = dict(connection.execute("SELECT key, value FROM meta"))
    ring = json.loads(meta["keys"])
    if kind == "aws-kms":
        wrapped = next(one for one in ring["wrapped"] if one["provider"] == kind)
        content = unwrap_with_kms(meta, wrapped, *arguments)
    else:
        content = arguments[0]
    content = json.loads(content)
    if (content["project"], content["stack"]) != (meta["project"], meta["stack"]):
        raise SystemExit("the data key is one of another stack")
    current = DataKey(base64.b64decode(content["data_key"]))
    keys = {current.name: current}
    for older in ring.get("older", []):
        place = f"konductor: data key {older['key']} under {ring['current']}".encode()
        key = DataKey(current.open(place, base64.b64decode(older["text"])))
        keys[key.name] = key
    for serial, body in connection.execute("SELECT serial, body FROM sealed_log ORDER BY serial"):
        entry = keys[body[:8]].open(f"body {serial}".encode(), body[8:])
        print(json.dumps(json.loads(entry)))


main(*sys.argv[1:])
