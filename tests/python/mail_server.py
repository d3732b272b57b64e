"""A mail server with TLS, by aiosmtpd: one port with TLS from the start, one with STARTTLS. Both want a user and password.

Started by the Rust tests with --certificate and --key. Prints one line of JSON when it is ready: smtps, starttls (ports).
Then one line of JSON for each mail: from, to, data, user, and tls, the version that it came over. It ends when standard
input is closed, so it never outlives its test.
"""

import argparse
import asyncio
import json
import ssl
import sys
import threading

from aiosmtpd.smtp import SMTP, AuthResult

USER, PASSWORD = b"konductor", b"correct horse"


class Mailbox:
    async def handle_DATA(self, server, session, envelope):
        tls = server.transport.get_extra_info("ssl_object")
        mail = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "data": envelope.content.decode(),
            "user": session.auth_data.login.decode(),
            "tls": tls.version() if tls else None,
        }
        print(json.dumps(mail), flush=True)
        return "250 taken"


def authenticator(_server, _session, _envelope, mechanism, data):
    right = mechanism in ("PLAIN", "LOGIN") and (data.login, data.password) == (USER, PASSWORD)
    return AuthResult(success=right, handled=False, auth_data=data)


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--certificate", required=True)
    parser.add_argument("--key", required=True)
    arguments = parser.parse_args()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(arguments.certificate, arguments.key)

    def smtps():
        return SMTP(Mailbox(), authenticator=authenticator, auth_required=True, auth_require_tls=False)

    def starttls():
        return SMTP(
            Mailbox(), authenticator=authenticator, auth_required=True, require_starttls=True, tls_context=context
        )

    loop = asyncio.get_running_loop()
    wrapped = await loop.create_server(smtps, "127.0.0.1", 0, ssl=context)
    plain = await loop.create_server(starttls, "127.0.0.1", 0)
    port = lambda server: server.sockets[0].getsockname()[1]
    print(json.dumps({"smtps": port(wrapped), "starttls": port(plain)}), flush=True)
    ended = asyncio.Event()

    def wait():
        sys.stdin.read()
        loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=wait, daemon=True).start()
    await ended.wait()


if __name__ == "__main__":
    asyncio.run(main())
