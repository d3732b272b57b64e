"""Asks an OCI registry as any other client would: plain HTTP calls, nothing of Konductor's.

    oci_client.py CERTIFICATE USER PASSWORD METHOD URL [ACCEPT]

prints one line of JSON: status, headers (names in lower case), body (base64).
"""

import base64
import json
import sys

import requests


def main(certificate, user, password, method, url, accept="*/*"):
    session = requests.Session()
    session.trust_env = False
    answer = session.request(
        method, url, auth=(user, password), verify=certificate, headers={"Accept": accept}, allow_redirects=False, timeout=60
    )
    print(
        json.dumps(
            {
                "status": answer.status_code,
                "headers": {name.lower(): value for name, value in answer.headers.items()},
                "body": base64.b64encode(answer.content).decode(),
            }
        )
    )


main(*sys.argv[1:])
