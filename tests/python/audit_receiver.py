"""Receives events: syslog over TCP, TLS and UDP, read by syslog-rfc5424-parser, and OTLP over HTTP, read by the messages of
opentelemetry-proto.

Started by the Rust tests with --certificate and --key. Prints one line of JSON when it is ready: tcp, tls, udp, http (ports).
Then one line of JSON for each delivery: by, and messages or records. A request to a path that begins with /fail is answered
with 500, one to /partial with a success that refuses one record. What cannot be read is told as {"by", "unreadable"}. It ends
when standard input is closed, so it never outlives its test.
"""

import argparse
import http.server
import json
import socketserver
import ssl
import sys
import threading

from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from syslog_rfc5424_parser import SyslogMessage

LOCK = threading.Lock()


def tell(event):
    with LOCK:
        print(json.dumps(event), flush=True)


def read(message):
    return SyslogMessage.parse(message.decode()).as_dict()


def frames(data):
    """Messages with counted octets, as RFC 6587 has them."""
    while data:
        length, _, data = data.partition(b" ")
        length = int(length)
        if len(data) < length:
            raise ValueError("a message is cut off")
        yield data[:length]
        data = data[length:]


class Stream(socketserver.StreamRequestHandler):
    by = "tcp"

    def handle(self):
        data = self.rfile.read()
        try:
            tell({"by": self.by, "messages": [read(frame) for frame in frames(data)]})
        except Exception as problem:
            tell({"by": self.by, "unreadable": repr(problem)})


class Tls(Stream):
    by = "tls"


class Datagram(socketserver.BaseRequestHandler):
    def handle(self):
        try:
            tell({"by": "udp", "messages": [read(self.request[0])]})
        except Exception as problem:
            tell({"by": "udp", "unreadable": repr(problem)})


class TlsServer(socketserver.ThreadingTCPServer):
    context = None

    def get_request(self):
        connection, address = super().get_request()
        return self.context.wrap_socket(connection, server_side=True), address

    def handle_error(self, request, client_address):
        pass


def plain(value):
    kind = value.WhichOneof("value")
    return getattr(value, kind)


class Collector(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        event = {"by": "otlp", "path": self.path, "headers": headers}
        try:
            request = json_format.Parse(body, ExportLogsServiceRequest())
            [logs] = request.resource_logs
            [scope] = logs.scope_logs
            event["resource"] = {item.key: plain(item.value) for item in logs.resource.attributes}
            event["scope"] = scope.scope.name
            event["records"] = [
                {
                    "time": record.time_unix_nano,
                    "severity": record.severity_number,
                    "name": record.event_name,
                    "body": plain(record.body),
                    "attributes": {item.key: plain(item.value) for item in record.attributes},
                }
                for record in scope.log_records
            ]
        except Exception as problem:
            event["unreadable"] = repr(problem)
        tell(event)
        answer = b"{}"
        if self.path == "/partial":
            answer = b'{"partialSuccess": {"rejectedLogRecords": "1", "errorMessage": "one is too old"}}'
        self.send_response(500 if self.path.startswith("/fail") else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--certificate", required=True)
    parser.add_argument("--key", required=True)
    arguments = parser.parse_args()
    TlsServer.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    TlsServer.context.load_cert_chain(arguments.certificate, arguments.key)
    here = ("127.0.0.1", 0)
    servers = {
        "tcp": socketserver.ThreadingTCPServer(here, Stream),
        "tls": TlsServer(here, Tls),
        # One after the other, so that what came first is told first.
        "udp": socketserver.UDPServer(here, Datagram),
        "http": http.server.ThreadingHTTPServer(here, Collector),
    }
    for server in servers.values():
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
    tell({name: server.server_address[1] for name, server in servers.items()})
    sys.stdin.read()


main()
