"""Receives alerts: an HTTP server and an SMTP server on this machine, written down as they come.

Started by the Rust tests. Prints one line of JSON when it is ready: http, smtp (ports). Then one line of JSON for each
request ({"path", "headers", "body"}) and for each mail ({"from", "to", "data"}). A request to a path that begins with
/fail is answered with 500. It ends when standard input is closed, so it never outlives its test.
"""

import http.server
import json
import socketserver
import sys
import threading

LOCK = threading.Lock()


def tell(event):
    with LOCK:
        print(json.dumps(event), flush=True)


class Hooks(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        tell({"path": self.path, "headers": headers, "body": json.loads(body)})
        self.send_response(500 if self.path.startswith("/fail") else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Mail(socketserver.StreamRequestHandler):
    def reply(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def handle(self):
        mail = {"from": None, "to": [], "data": ""}
        self.reply("220 here")
        for line in self.rfile:
            word = line.decode().strip()
            command = word.upper()
            if command.startswith(("EHLO", "HELO")):
                self.reply("250 here")
            elif command.startswith("MAIL FROM:"):
                mail["from"] = word[10:].split()[0].strip("<>")
                self.reply("250 ok")
            elif command.startswith("RCPT TO:"):
                mail["to"].append(word[8:].split()[0].strip("<>"))
                self.reply("250 ok")
            elif command == "DATA":
                self.reply("354 go on")
                for data in self.rfile:
                    if data.strip() == b".":
                        break
                    mail["data"] += data.decode()
                tell(mail)
                self.reply("250 taken")
            elif command == "QUIT":
                self.reply("221 bye")
                return
            else:
                self.reply("250 ok")


def main():
    hooks = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hooks)
    mail = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Mail)
    for server in (hooks, mail):
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
    tell({"http": hooks.server_address[1], "smtp": mail.server_address[1]})
    sys.stdin.read()


if __name__ == "__main__":
    main()
