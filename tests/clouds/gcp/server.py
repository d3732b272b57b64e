"""A simulated Google Cloud of one test: its services, and the place that gives tokens, on a free port of loopback.

Started by the Rust harness. Prints one line of JSON when it is ready: url, project, and key, a service account's key
file. Then answers requests, one line of JSON each, read from standard input:

    {"set": {"polls": 2, "page": 500}}                     how operations and lists go on
    {"fail": {"match": "POST .*x$", "status": 500, "reason": "backendError", "times": 1}}   refuse; with "late", end as
                                                           failed; with "expire", let every token end before the request
    {"tokens": {}}                                         the tokens that were given out, in their order
    {"calls": {}}                                          how often each method was called since the last time
    {"contents": {}}                                       all objects by collection, and the bindings of projects
    {"change": {"path": "…", "merge": {…}}}                change an object behind everybody's back
    {"remove": {"path": "…"}}                              delete one behind everybody's back
    {"vendor": {"api": "dns", "version": "v1", "path": ["managedZones", "list"], "arguments": {"project": "…"}}}
                                                           what google-api-python-client, the vendor's client, answers
    {"vendor": {"contents": true}}                         the names of all that the vendor's client finds
    {"send": {"method": …, "path": …, "query": {}, "headers": {}, "body": …}}   a request, authenticated, without a socket
    {"faults": {}}                                         answers of ours that are not what the documents say

with {"ok": …} or {"error": "…"}. It ends when standard input is closed, so it never outlives its test.
"""

import argparse
import json
import sys
import threading
import traceback
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import governance
import named
import services
from compute import Compute
from container import Container
from discovery import Invalid
from project import Objects, Refused, merged
from sql import Sql
from tokens import PROJECT, Tokens


class Cloud:
    """The services, the tokens, and what was asked of them."""

    def __init__(self, requests, lifetime):
        self.objects = Objects()
        self.tokens = Tokens(lifetime)
        self.requests = open(requests, "a", encoding="utf-8") if requests else None
        self.faults = []
        self.url = ""
        self.services = {
            "compute": Compute(self.objects),
            "storage": services.Storage(self.objects),
            "dns": services.Dns(self.objects),
            "pubsub": services.PubSub(self.objects),
            "iam": services.Iam(self.objects),
            "cloudresourcemanager": services.ResourceManager(self.objects),
            "container": Container(self.objects),
            "sqladmin": Sql(self.objects),
            "run": named.Run(self.objects),
            "cloudfunctions": named.Functions(self.objects),
            "file": named.Filestore(self.objects),
            "firestore": named.Firestore(self.objects),
            "bigtableadmin": named.Bigtable(self.objects),
            "secretmanager": named.Secrets(self.objects),
            "cloudkms": named.Kms(self.objects),
            "orgpolicy": governance.OrganisationPolicies(self.objects),
            "securitycenter": governance.SecurityCenter(self.objects),
        }

    def answer(self, verb, target, headers, data):
        """Returns status and body of an answer."""
        path, _, text = target.partition("?")
        query = {name: values[-1] for name, values in urllib.parse.parse_qs(text, keep_blank_values=True).items()}
        with self.objects.lock:
            try:
                if path == "/token":
                    status, body = 200, self.tokens.grant(urllib.parse.parse_qs(data.decode()), self.url)
                else:
                    status, body = self.called(verb, path, query, headers, data)
            except Refused as refused:
                status, body = refused.status, refused.body()
                if path == "/token":
                    body = {"error": refused.reason, "error_description": refused.message}
            except Invalid as invalid:
                status, body = 400, Refused(400, "invalid", str(invalid)).body()
            except Exception:  # a mistake of the simulator fails the test that meets it
                self.faults.append(f"{verb} {target}: {traceback.format_exc()}")
                status, body = 500, Refused(500, "simulator", traceback.format_exc()).body()
            self.write(verb, target, headers, data, status)
            return status, body

    def write(self, verb, target, headers, data, status):
        if self.requests is None:
            return
        record = {"method": verb, "target": target, "headers": headers, "body": data.decode(errors="replace"), "status": status}
        self.requests.write(json.dumps(record) + "\n")
        self.requests.flush()

    def called(self, verb, path, query, headers, data):
        operation = self.objects.operations.get(path.removeprefix("/"))
        found = self.objects.documents.find(verb, path, operation and operation["extra"].get("service"))
        if not found:
            raise Refused(404, "notFound", f"{verb} {path} is no method of the simulated APIs")
        method, values = found
        self.objects.calls[method.id] = self.objects.calls.get(method.id, 0) + 1
        if self.objects.demanded(verb, path, expire=True):
            self.tokens.expire()
        self.tokens.check(headers.get("authorization"), method.definition.get("scopes", []))
        failure = self.objects.demanded(verb, path)
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
            self.faults.append(f"{method.id}: {invalid}: {answer}")
        return (200, answer) if answer is not None else (204, None)

    # What the harness asks.

    def ask(self, question):
        ((name, arguments),) = question.items()
        return getattr(self, f"ask_{name}")(arguments)

    def ask_set(self, arguments):
        for name, value in arguments.items():
            if name not in ("polls", "page"):
                raise ValueError(f"{name} cannot be set")
            setattr(self.objects, name, value)
        with self.objects.lock:
            for operation in self.objects.operations.values():
                operation["left"] = min(operation["left"], max(self.objects.polls, 1))

    def ask_fail(self, failure):
        with self.objects.lock:
            self.objects.fail(failure)

    def ask_tokens(self, _):
        return self.tokens.given

    def ask_calls(self, _):
        with self.objects.lock:
            calls, self.objects.calls = self.objects.calls, {}
            return calls

    def ask_contents(self, _):
        with self.objects.lock:
            return {**self.objects.contents(), **self.bound()}

    def bound(self):
        """Returns the bindings of projects, as if they were a collection."""
        bindings = [
            {"project": project, "role": binding["role"], "members": binding["members"]}
            for project, policy in self.objects.policies.items()
            for binding in policy["bindings"]
        ]
        return {"bindings": bindings} if bindings else {}

    def ask_change(self, arguments):
        with self.objects.lock:
            collection, body = self.objects.objects[arguments["path"]]
            self.objects.objects[arguments["path"]] = (collection, merged(body, arguments["merge"]))

    def ask_remove(self, arguments):
        with self.objects.lock:
            del self.objects.objects[arguments["path"]]

    def ask_faults(self, _):
        return self.faults

    def ask_vendor(self, arguments):
        import vendor

        if arguments.get("contents"):
            return vendor.contents(self.url, self.tokens.own(), PROJECT)
        return vendor.call(self.url, self.tokens.own(), **arguments)

    def ask_send(self, request):
        """A request of a plugin that runs in the test itself, where no host authenticates it."""
        target = request["path"]
        if request["query"]:
            target += "?" + urllib.parse.urlencode(request["query"])
        headers = {**request["headers"], "authorization": f"Bearer {self.tokens.own()}"}
        status, body = self.answer(request["method"], target, headers, request["body"].encode())
        return {"status": status, "headers": {"content-type": "application/json; charset=UTF-8"}, "body": body}


def handler(cloud):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def work(self):
            data = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, body = cloud.answer(self.command, self.path, headers, data)
            text = b"" if body is None else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json; charset=UTF-8")
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = work

        def log_message(self, *_):
            pass

    return Handler


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests")
    parser.add_argument("--token-lifetime", type=int, default=3600)
    arguments = parser.parse_args()
    cloud = Cloud(arguments.requests, arguments.token_lifetime)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(cloud))
    server.daemon_threads = True
    cloud.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps({"url": cloud.url, "project": PROJECT, "key": cloud.tokens.key_file(cloud.url)}), flush=True)
    for line in sys.stdin:
        try:
            answer = {"ok": cloud.ask(json.loads(line))}
        except Exception as problem:
            traceback.print_exc()
            answer = {"error": repr(problem)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
