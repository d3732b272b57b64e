"""Runs a Kinto server that keeps everything in memory, on a free port of loopback, and prints the port.

With another interpreter than its own: `python server.py`. It is for trying the example, not for keeping data."""

from kinto import main
from waitress.server import create_server

MEMORY = "kinto.core.{}.memory"
SETTINGS = {
    **{f"kinto.{part}_backend": MEMORY.format(part) for part in ("storage", "permission", "cache")},
    "multiauth.policies": "basicauth",
    "kinto.bucket_create_principals": "system.Authenticated",
    # Whoever deploys may write every bucket; to others Kinto says that what is not there is forbidden.
    "kinto.bucket_write_principals": "system.Authenticated",
    "kinto.userid_hmac_secret": "for trying only",
    "kinto.paginate_by": "100",
}

server = create_server(main({}, **SETTINGS), host="127.0.0.1", port=0)
print(server.effective_port, flush=True)
server.run()
