"""One emulated AWS account: moto's server with signature checking on, and boto3 to look into it.

Started by the Rust harness. Prints one line of JSON when it is ready: url, access_key_id, secret_access_key. Then
answers requests, one line of JSON each, read from standard input:

    {"account": {"region": "us-west-2"}}                   what is in the account (see account.py)
    {"call": ["ec2", "describe_vpcs", {}, "us-west-2"]}    any boto3 call
    {"limit": {"rate": 25, "burst": 250}}                  refuse what goes beyond it with 429, boto3 apart; null: nothing
    {"limited": {}}                                        how many requests the limit has let through and refused
    {"latency": {"seconds": 0.1}}                          answer no request, boto3's apart, before so much time has passed

with {"ok": …} or {"error": "…"}. It ends when standard input is closed, so it never outlives its test.
Every request the server gets is written to the file named by --requests, one line of JSON each; at_once says how many,
boto3's apart, it was answering then.
"""

import argparse
import base64
import datetime
import hashlib
import ipaddress
import itertools
import json
import logging
import sys
import threading
import time
import urllib.request

import boto3
import flask
from botocore.config import Config
from moto.ec2.models.vpn_connections import VPNConnection
from moto.ec2.responses.vpn_connections import VPNConnections
from moto.iam.access_control import IAMRequestBase
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3.models import S3Backend
from werkzeug.serving import make_server

import account
import moto_config
import moto_security_hub

REGION = "us-west-2"
RAW_BODY = "konductor.raw_body"


class Limit:
    """A bucket of tokens, as clouds limit requests; counts what it lets through and what it refuses."""

    def __init__(self, rate, burst):
        self.rate, self.burst, self.tokens, self.last = rate, burst, float(burst), time.monotonic()
        self.passed = self.refused = 0
        self.lock = threading.Lock()

    def lets_through(self):
        with self.lock:
            now = time.monotonic()
            self.tokens = min(self.burst, self.tokens + (now - self.last) * self.rate)
            self.last = now
            if self.tokens < 1:
                self.refused += 1
                return False
            self.tokens -= 1
            self.passed += 1
            return True


LIMIT = {"now": None}
LATENCY = {"seconds": 0.0}
REFUSED = b"""<?xml version="1.0" encoding="UTF-8"?>
<Response><Errors><Error><Code>RequestLimitExceeded</Code><Message>Request limit exceeded.</Message></Error></Errors>
<RequestID>00000000-0000-0000-0000-000000000000</RequestID></Response>"""


class RequestLog:
    """A WSGI layer that writes down every request as it arrived."""

    def __init__(self, application, path):
        self.application = application
        self.file = open(path, "a", encoding="utf-8")
        self.lock = threading.Lock()
        self.at_once = 0
        self.one_at_a_time = threading.Lock()

    def __call__(self, environ, start_response):
        if environ["REQUEST_METHOD"] in ("PUT", "DELETE") and not is_whole(environ):
            start_response("400 Bad Request", [("Content-Length", "0")])
            return [b""]
        if environ.get("wsgi.input_terminated"):  # sent in chunks
            body = environ["wsgi.input"].read()
            environ["CONTENT_LENGTH"] = str(len(body))
        else:
            length = int(environ.get("CONTENT_LENGTH") or 0)
            body = environ["wsgi.input"].read(length) if length else b""
            if len(body) < length:  # the connection ended: S3 stores nothing of it, and moto would
                start_response("400 Bad Request", [("Content-Length", "0")])
                return [b""]
        environ["wsgi.input"] = Body(body)
        environ[RAW_BODY] = body
        is_own = "Boto3" in environ.get("HTTP_USER_AGENT", "")
        with self.lock:
            self.at_once += not is_own
        try:
            return self.answer(environ, start_response, body, is_own)
        finally:
            with self.lock:
                self.at_once -= not is_own

    def answer(self, environ, start_response, body, is_own):
        line = {
            "time": time.time(),
            "at_once": self.at_once,
            "method": environ["REQUEST_METHOD"],
            "path": environ.get("RAW_URI") or environ["PATH_INFO"],
            "headers": {key[5:].lower().replace("_", "-"): value for key, value in environ.items() if key.startswith("HTTP_")},
            "body": body.decode("latin-1"),
        }
        with self.lock:
            self.file.write(json.dumps(line) + "\n")
            self.file.flush()
        if not is_own:
            time.sleep(LATENCY["seconds"])
        limit = LIMIT["now"]
        if limit and not is_own and not limit.lets_through():
            start_response("429 Too Many Requests", [("Content-Type", "text/xml"), ("Content-Length", str(len(REFUSED)))])
            return [REFUSED]
        if environ["REQUEST_METHOD"] == "GET" and environ.get("QUERY_STRING", "").startswith("versioning"):
            return named_as_by_s3(self.application, environ, start_response)
        if environ.get("HTTP_IF_NONE_MATCH"):  # S3 looks and stores in one step, and moto in two
            with self.one_at_a_time:
                return self.application(environ, start_response)
        return self.application(environ, start_response)


def named_as_by_s3(application, environ, start_response):
    """Gives the answer of GetBucketVersioning the root element that S3 gives it; moto names it after the operation."""
    started = []
    answer = b"".join(application(environ, lambda *arguments: started.append(arguments)))
    answer = answer.replace(b"GetBucketVersioningResponse", b"VersioningConfiguration")
    status, headers = started[0][:2]
    headers = [(name, value) for name, value in headers if name.lower() != "content-length"]
    start_response(status, [*headers, ("Content-Length", str(len(answer)))])
    return [answer]


def is_whole(environ):
    """Tells whether the head of a request arrived whole: where a connection ends in it, moto does what is left of it."""
    has_length = "CONTENT_LENGTH" in environ or environ.get("wsgi.input_terminated") or environ["REQUEST_METHOD"] == "DELETE"
    return bool(has_length and environ.get("HTTP_AUTHORIZATION"))


class Body:
    """The body of a request, read once already."""

    def __init__(self, content):
        self.content = content
        self.position = 0

    def read(self, size=-1):
        end = len(self.content) if size is None or size < 0 else self.position + size
        part = self.content[self.position : end]
        self.position += len(part)
        return part

    def readline(self, size=-1):
        end = self.content.find(b"\n", self.position) + 1 or len(self.content)
        if size is not None and size >= 0:
            end = min(end, self.position + size)
        part = self.content[self.position : end]
        self.position = end
        return part


def forget_tags_of_deleted_buckets():
    """Has a deleted bucket's tags go with it, as S3 does; moto gives them to the next bucket of that name."""
    delete = S3Backend.delete_bucket

    def delete_with_tags(self, bucket_name):
        deleted = delete(self, bucket_name)
        if deleted is not None:
            self.tagger.delete_all_tags_for_resource(deleted.arn)
        return deleted

    S3Backend.delete_bucket = delete_with_tags


def find_vpn_connections_by_id():
    """Has VPN connections found by the filter `vpn-connection-id`, as EC2 does; moto refuses it."""
    value = VPNConnection.get_filter_value

    def value_or_id(self, filter_name, method_name=None):
        return self.id if filter_name == "vpn-connection-id" else value(self, filter_name, method_name)

    VPNConnection.get_filter_value = value_or_id


def give_vpn_connections_tunnels_of_their_own():
    """Has every tunnel of a VPN connection an address, a range and a key of its own, the range that was asked for where one
    was, and the number of its gateway, as EC2 does; moto gives all tunnels the same."""
    create = VPNConnections.create_vpn_connection
    configuration = VPNConnection.customer_gateway_configuration.fget
    made = itertools.count(1)

    def create_with_tunnels(self):
        answer = create(self)
        connection = answer.result["VpnConnection"]
        asked = self._get_param("Options", {}).get("TunnelOptions", [])
        asked = [tunnel.get("TunnelInsideCidr") for tunnel in asked] + [None, None]
        connection.numbers = [next(made), next(made)]
        ranges = [own or f"169.254.{100 + n}.0/30" for own, n in zip(asked, connection.numbers)]
        connection.inside = [list(ipaddress.ip_network(own).hosts()) for own in ranges]
        return answer

    def configuration_with_tunnels(self):
        head, *tunnels = configuration(self).split("<ipsec_tunnel>")
        gateway = self.ec2_backend.vpn_gateways[self.vpn_gateway_id]
        for place, (tunnel, number, inside) in enumerate(zip(tunnels, self.numbers, self.inside)):
            key = hashlib.sha256(f"{self.id}-{number}".encode()).hexdigest()[:32]
            for shown, own in [
                ("52.2.144.13", f"198.51.100.{number}"),
                ("169.254.44.41", str(inside[0])),
                ("169.254.44.42", str(inside[1])),
                ("<asn>7224</asn>", f"<asn>{gateway.amazon_side_asn or 64512}</asn>"),
                ("Iw2IAN9XUsQeYUrkMGP3kP59ugFDkfHg", key),
            ]:
                tunnel = tunnel.replace(shown, own)
            tunnels[place] = tunnel
        return "<ipsec_tunnel>".join([head, *tunnels])

    VPNConnections.create_vpn_connection = create_with_tunnels
    VPNConnection.customer_gateway_configuration = property(configuration_with_tunnels)


def plain(value):
    """Makes what boto3 answers fit into JSON."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items() if key != "ResponseMetadata"}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (datetime.datetime, datetime.date)):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if hasattr(value, "read"):
        return value.read().decode("utf-8", "replace")
    return value


def start_server(requests):
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    application = RequestLog(DomainDispatcherApplication(create_backend_app), requests)
    server = make_server("127.0.0.1", 0, application, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def clients(url, key, secret):
    def client(service, region=REGION):
        return boto3.client(
            service,
            endpoint_url=url,
            region_name=region,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            config=Config(retries={"max_attempts": 0}, s3={"addressing_style": "path"}),
        )

    return client


def make_user(url):
    """Makes a user who may do everything; the first calls of a moto server are not checked."""
    iam = clients(url, "unchecked", "unchecked")("iam")
    iam.create_user(UserName="konductor")
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    iam.put_user_policy(UserName="konductor", PolicyName="everything", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName="konductor")["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]


def check_signatures(url):
    """Has every request's signature checked from now on, over the bytes that were sent.

    moto reads a form and encodes it again before it checks: that turns `%20` into `+`, and the signature of a client
    that encodes as the standard says would not fit. Of a query it decodes `%2F`, so that not even boto3's would. Where there
    is no body it takes the query for one.
    """
    parsed = IAMRequestBase._create_aws_request

    def as_sent(self):
        self._path = flask.request.environ.get("RAW_URI") or self._path
        request = parsed(self)
        request.data = flask.request.environ.get(RAW_BODY, request.data)
        return request

    IAMRequestBase._create_aws_request = as_sent
    request = urllib.request.Request(
        url + "/moto-api/reset-auth", data=b"0", headers={"Content-Type": "text/plain"}, method="POST"
    )
    urllib.request.urlopen(request, timeout=10).read()


def answer(request, client):
    if "account" in request:
        return account.contents(client, request["account"].get("region", REGION))
    if "limit" in request:
        LIMIT["now"] = Limit(**request["limit"]) if request["limit"] else None
        return {}
    if "latency" in request:
        LATENCY.update(request["latency"])
        return {}
    if "limited" in request:
        return {"passed": LIMIT["now"].passed, "refused": LIMIT["now"].refused}
    service, operation, arguments, region = request["call"]
    return getattr(client(service, region or REGION), operation)(**arguments)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--requests", required=True)
    forget_tags_of_deleted_buckets()
    find_vpn_connections_by_id()
    give_vpn_connections_tunnels_of_their_own()
    moto_config.patch()
    moto_security_hub.patch()
    url = start_server(arguments.parse_args().requests)
    key, secret = make_user(url)
    check_signatures(url)
    client = clients(url, key, secret)
    print(json.dumps({"url": url, "access_key_id": key, "secret_access_key": secret}), flush=True)
    for line in sys.stdin:
        try:
            reply = {"ok": plain(answer(json.loads(line), client))}
        except Exception as error:  # whatever it is, the test should see it
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
