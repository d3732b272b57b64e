"""A simulated Google Cloud of one test: `server.py --requests FILE`.

It listens on a free port of loopback and prints a line of JSON with its address and a service account's key. Then it
answers questions on standard input, a line of JSON each, and ends when that is closed.
"""

import argparse
import json
import pathlib
import sys
import threading
import traceback
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import services
import vendor
from compute import Compute
from discovery import Invalid
from project import Objects, Refused
from tokens import Tokens


class Cloud:
    """The services, the tokens, and what was asked of them."""

    def __init__(self, requests, lifetime):
        self.objects = Objects()
        self.tokens = Tokens(lifetime)
        self.requests = requests
        self.url = ""
        self.services = {
            "compute": Compute(self.objects),
            "storage": services.Storage(self.objects),
            "dns": services.Dns(self.objects),
            "pubsub": services.PubSub(self.objects),
            "iam": services.Iam(self.objects),
            "cloudresourcemanager": services.ResourceManager(self.objects),
        }

    def answer(self, verb, target, headers, data):
        """Returns status and body of an answer."""
        path, _, text = target.partition("?")
        query = {name: values[-1] for name, values in urllib.parse.parse_qs(text, keep_blank_values=True).items()}
        with self.objects.lock:
            try:
                if path == "/token":
                    return 200, self.tokens.grant(urllib.parse.parse_qs(data.decode()), self.url)
                return self.called(verb, path, query, headers, data)
            except Refused as refused:
                if path == "/token":
                    return refused.status, {"error": refused.reason, "error_description": refused.message}
                return refused.status, refused.body()
            except Invalid as invalid:
                return 400, Refused(400, "invalid", str(invalid)).body()

    def called(self, verb, path, query, headers, data):
        found = self.objects.documents.find(verb, path)
        if not found:
            raise Refused(404, "notFound", f"{verb} {path} is no method of the simulated APIs")
        method, values = found
        # A segment that holds an encoded slash does not match; one that is decoded must not either.
        self.objects.calls[method.id] = self.objects.calls.get(method.id, 0) + 1
        self.tokens.check(headers.get("authorization"), method.definition.get("scopes", []))
        failure = self.objects.demanded(verb, path, late=False)
        if failure:
            raise Refused(failure["status"], failure["reason"], f"{failure['reason']}, as was demanded")
        documents = self.objects.documents
        documents.check_query(method, query)
        body = json.loads(data) if data else {}
        if method.schema("request"):
            documents.check(method, method.schema("request"), body, sending=True)
        elif body:
            raise Invalid(f"{method.id} takes no body")
        answer = self.services[method.service].answer(method, values, query, body)
        schema = method.schema("response")
        try:
            if schema:
                documents.check(method, schema, answer, sending=False)
            elif answer:
                raise Invalid(f"{method.id} answers with nothing")
        except Invalid as invalid:
            # The simulator's own mistake, which no test may take for an answer.
            raise Refused(599, "simulator", f"the simulator's answer is not what the document says: {invalid}") from invalid
        return (200, answer) if answer is not None else (204, None)


def handler(cloud):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_request(self):
            data = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            try:
                status, body = cloud.answer(self.command, self.path, headers, data)
            except Exception:  # noqa: BLE001
                traceback.print_exc()
                status, body = 599, {"error": {"code": 599, "message": traceback.format_exc()}}
            with cloud.objects.lock, open(cloud.requests, "a") as file:
                shown = {name: value for name, value in headers.items() if name != "authorization"}
                record = {
                    "method": self.command, "target": self.path, "headers": shown, "body": data.decode(errors="replace"),
                    "status": status, "authenticated": "authorization" in headers,
                }
                file.write(json.dumps(record) + "\n")
            text = b"" if body is None else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json; charset=UTF-8")
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_request

        def log_message(self, *arguments):
            pass

    return Handler


def asked(cloud, question):
    """Answers one question of the test."""
    (what, given), *_ = question.items()
    if what == "contents":
        with cloud.objects.lock:
            return {**cloud.objects.contents(), **bound(cloud)}
    if what == "calls":
        return cloud.objects.calls
    if what == "tokens":
        return cloud.tokens.count
    if what == "expire":
        cloud.tokens.expire()
        return None
    if what == "fail":
        cloud.objects.fail(
            given["method"], given["path"], given.get("status", 500), given["reason"], given.get("times", 1), given.get("late", False)
        )
        return None
    if what == "vendor":
        return vendor.call(cloud.url, cloud.tokens.own(), **given)
    raise ValueError(f"no question is called {what}")


def bound(cloud):
    """Returns the bindings of projects, as if they were a collection."""
    bindings = [
        {"project": project, "role": binding["role"], "members": binding["members"]}
        for project, policy in cloud.objects.policies.items()
        for binding in policy["bindings"]
    ]
    return {"bindings": bindings} if bindings else {}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", required=True)
    parser.add_argument("--token-lifetime", type=int, default=3600)
    arguments = parser.parse_args()
    pathlib.Path(arguments.requests).touch()
    cloud = Cloud(arguments.requests, arguments.token_lifetime)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(cloud))
    server.daemon_threads = True
    cloud.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps({"url": cloud.url, "key": cloud.tokens.key_file(cloud.url)}), flush=True)
    for line in sys.stdin:
        try:
            answer = {"ok": asked(cloud, json.loads(line))}
        except Exception as error:  # noqa: BLE001
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
