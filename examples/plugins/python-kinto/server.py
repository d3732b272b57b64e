"""A Kinto server that keeps everything in memory, on port 8888 of loopback, or on the one that PORT names.

It needs `pip install kinto==26.5.0 waitress==3.0.2`. With `--detach` it returns when the server listens, and the file
server.pid says which process to stop. It is for trying the plugin, not for keeping data."""

import os
import socket
import sys

from kinto import main
from waitress.server import create_server

SETTINGS = {
    **{f"kinto.{part}_backend": f"kinto.core.{part}.memory" for part in ("storage", "permission", "cache")},
    "multiauth.policies": "basicauth",
    "kinto.bucket_create_principals": "system.Authenticated",
    # Whoever deploys may write every bucket; to others Kinto says that what is not there is forbidden.
    "kinto.bucket_write_principals": "system.Authenticated",
    "kinto.userid_hmac_secret": "for trying only",
    "kinto.paginate_by": "100",
}

listener = socket.create_server(("127.0.0.1", int(os.environ.get("PORT", "8888"))))
print(f"Kinto listens on http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
if "--detach" in sys.argv and (child := os.fork()):
    with open("server.pid", "w") as file:
        file.write(str(child))
    # Not sys.exit: what the child still needs must not be cleaned up.
    os._exit(0)
if "--detach" in sys.argv:
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
create_server(main({}, **SETTINGS), sockets=[listener]).run()
