"""A simulated Azure: Resource Manager, Resource Graph and the token endpoint of Entra ID, on a port of its own.

Started by the Rust harness. Prints one line of JSON when it is ready: url, subscription_id, tenant_id, client_id,
client_secret. Then answers requests, one line of JSON each, read from standard input:

    {"set": {"polls": 2, "retry_after": "0", "page": 100}}  how operations and lists go on
    {"fail": {"match": "PUT .*x$", "status": 500, "code": "Internal", "times": 1}}   refuse; with "late", end as failed;
                                                            with "expire", let every token end before the request
    {"limit": {"rate": 25, "burst": 250}}                   refuse reads beyond it with 429; null: nothing
    {"tokens": {"expire": true, "lifetime": 3600, "accept": "a federated token", "certificate": "PEM"}}
    {"counts": {}}                                          requests by kind since the last time, and what the limit did
    {"contents": {}}                                        all resources, as their answers show them
    {"change": {"id": "…", "merge": {…}}}                   change a resource behind everybody's back
    {"remove": {"id": "…"}}                                 delete one behind everybody's back
    {"lag": {"id": "…"}}                                    let the graph show a resource as it is now from now on
    {"vendor": {"contents": true}}                          what azure-mgmt-resource, the vendor's client, finds
    {"send": {"method": …, "path": …, "query": {}, "headers": {}, "body": …}}   a request, authenticated, without a socket
    {"faults": {}}                                          answers of ours that are not what the definitions say

with {"ok": …} or {"error": "…"}. It ends when standard input is closed, so it never outlives its test.
"""

import argparse
import json
import pathlib
import sys
import threading
import traceback
import urllib.parse
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from arm import Arm, Bucket
from bodies import merge
from entra import CLIENT, Entra
from provided import TENANT
from schema_table import Table

ROOT = pathlib.Path(__file__).resolve().parents[3]
SUBSCRIPTION = "00000000-1111-2222-3333-444444444444"


class Azure:
    def __init__(self, requests):
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler(self))
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.arm = Arm(Table(ROOT / "plugins/azure/types/types.table"), SUBSCRIPTION, self.url)
        self.entra = Entra()
        self.log = open(requests, "a", encoding="utf-8") if requests else None
        self.lock = threading.Lock()

    def write(self, line):
        if self.log:
            with self.lock:
                self.log.write(json.dumps(line) + "\n")
                self.log.flush()

    def answer(self, method, path, query, headers, body):
        found = self.entra.answer(method, path, query, headers, body)
        if found is not None:
            return found
        self.arm.before(method, path, self.entra.expire)
        refused = self.entra.judge(headers.get("authorization"))
        if refused:
            challenge = f'Bearer authorization_uri="{self.url}/{TENANT}", error="invalid_token"'
            return 401, {"WWW-Authenticate": challenge}, {"error": {"code": refused[0], "message": refused[1]}}
        document = None
        if body:
            if "application/json" not in headers.get("content-type", ""):
                return 415, {}, {"error": {"code": "UnsupportedMediaType", "message": "The content media type is not supported. Only 'application/json' is supported."}}
            try:
                document = json.loads(body)
            except ValueError:
                return 400, {}, {"error": {"code": "InvalidRequestContent", "message": "The request content is no JSON."}}
        return self.arm.answer(method, path, query, headers, document)

    # ---- what the harness asks

    def ask(self, question):
        ((name, arguments),) = question.items()
        return getattr(self, f"ask_{name}")(arguments)

    def ask_set(self, arguments):
        for name, value in arguments.items():
            if name not in ("polls", "retry_after", "page"):
                raise ValueError(f"{name} cannot be set")
            setattr(self.arm, name, value)
        with self.arm.lock:
            for operation in self.arm.operations.values():
                operation.left = min(operation.left, max(self.arm.polls, 1))

    def ask_fail(self, fault):
        with self.arm.lock:
            self.arm.faults.append({"times": 1, **fault})

    def ask_limit(self, limit):
        with self.arm.lock:
            self.arm.reads = Bucket(**limit) if limit else None
            # Resource Graph's own: 15 queries in 5 seconds.
            self.arm.graph = Bucket(3, 15) if limit else None

    def ask_tokens(self, arguments):
        if "lifetime" in arguments:
            self.entra.lifetime = arguments["lifetime"]
        if "accept" in arguments:
            self.entra.assertions.add(arguments["accept"])
        if "certificate" in arguments:
            self.entra.certificate = arguments["certificate"]
        if arguments.get("expire"):
            self.entra.expire()
        return {"asked": self.entra.asked}

    def ask_counts(self, _):
        with self.arm.lock:
            counts, self.arm.counts = self.arm.counts, {}
            reads = self.arm.reads
            limited = {"passed": reads.passed, "refused": reads.refused} if reads else None
            return {"counts": counts, "limited": limited}

    def ask_contents(self, _):
        with self.arm.lock:
            return [self.arm.whole(resource) for resource in self.arm.resources.values()]

    def ask_change(self, arguments):
        with self.arm.lock:
            resource = self.arm.existing(arguments["id"])
            resource.body = merge(resource.body, arguments["merge"])
            resource.etag = uuid.uuid4().hex

    def ask_remove(self, arguments):
        with self.arm.lock:
            self.arm.remove(self.arm.existing(arguments["id"]))

    def ask_lag(self, arguments):
        with self.arm.lock:
            self.arm.freeze_graph(arguments["id"])

    def ask_faults(self, _):
        return self.arm.own_faults

    def ask_send(self, request):
        """A request of a plugin that runs in the test itself, where no host authenticates it."""
        headers = {**request["headers"], "authorization": f"Bearer {self.entra.issue('https://management.azure.com/')}"}
        body = request["body"].encode()
        self.write({**request, "headers": headers})
        path = urllib.parse.unquote(request["path"])
        status, more, answer = self.answer(request["method"], path, request["query"], headers, body)
        return {"status": status, "headers": more, "body": answer}

    def ask_vendor(self, arguments):
        import vendor

        return vendor.ask(self.url, SUBSCRIPTION, self.entra, arguments)


def handler(azure):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def work(self):
            length = int(self.headers.get("content-length") or 0)
            body = self.rfile.read(length) if length else b""
            url = urllib.parse.urlsplit(self.path)
            path = urllib.parse.unquote(url.path)
            query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
            headers = {name.lower(): value for name, value in self.headers.items()}
            azure.write({"method": self.command, "path": self.path, "headers": headers, "body": body.decode("latin-1")})
            try:
                status, more, answer = azure.answer(self.command, path, query, headers, body)
            except Exception as problem:  # a mistake of the simulator fails the test that meets it
                azure.arm.own_faults.append(f"{self.command} {self.path}: {problem!r}")
                status, more, answer = 500, {}, {"error": {"code": "SimulatorFailed", "message": repr(problem)}}
            text = b"" if answer is None else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.send_header("x-ms-request-id", str(uuid.uuid4()))
            if text:
                self.send_header("Content-Type", "application/json; charset=utf-8")
            for name, value in more.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(text)

        do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = do_HEAD = work

        def log_message(self, *_):
            pass

    return Handler


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests")
    azure = Azure(parser.parse_args().requests)
    threading.Thread(target=azure.server.serve_forever, daemon=True).start()
    ready = {
        "url": azure.url,
        "subscription_id": SUBSCRIPTION,
        "tenant_id": TENANT,
        "client_id": CLIENT,
        "client_secret": azure.entra.secret,
    }
    print(json.dumps(ready), flush=True)
    for line in sys.stdin:
        try:
            answer = {"ok": azure.ask(json.loads(line))}
        except Exception as problem:
            traceback.print_exc()
            answer = {"error": repr(problem)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
