"""Runs a devpi server on a free port of loopback, and prints the port. `root` has the password `change-me-please`.

With the interpreter that has devpi: `python server.py FOLDER`. It is for trying the example, not for keeping packages."""

import os
import sys

import waitress
from devpi_server.init import init
from devpi_server.main import main

[folder] = sys.argv[1:]
secret = os.path.join(folder, "secret")
data = ["--serverdir", os.path.join(folder, "data")]

# devpi logs to standard output, which is kept for the port alone.
port = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)


def serve(app: object, **_: object) -> None:
    server = waitress.create_server(app, host="127.0.0.1", port=0, threads=4)
    print(server.effective_port, file=port, flush=True)
    server.run()


# devpi takes a port and never a free one; this is the function it starts its server with.
waitress.serve = serve

if not os.path.exists(secret):
    with open(os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(os.urandom(32).hex())
    init(argv=["devpi-init", *data, "--root-passwd", "change-me-please"])
# Offline: the mirror `root/pypi` is there, and nothing is ever fetched for it.
main(argv=["devpi-server", *data, "--secretfile", secret, "--offline-mode"])
