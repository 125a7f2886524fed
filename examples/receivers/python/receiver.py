# Copyright (c) TitanX
# SPDX-License-Identifier: MPL-2.0

"""Takes TitanX deliveries on POST /titanx, behind a proxy that terminates TLS."""

import base64
import hashlib
import hmac
import json
import os
import queue
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MAX_BODY = 1 << 20  # bytes
MAX_WAITING = 1000  # events
REMEMBER_FOR = 4 * 24 * 3600  # seconds; TitanX sends again for up to 3 days

secrets_file = os.environ.get("TITANX_SECRETS_FILE", "")
lock = threading.Lock()
seen = {}  # id to time, oldest first
waiting = queue.Queue(MAX_WAITING)


def handle(event):
    """Does the work of an event. It may take longer than the 10 seconds in which TitanX wants an answer."""
    print("handled", event["eventType"], event["id"], flush=True)


def read_secrets():
    """Reads the file anew, so that a rotation needs no restart."""
    with open(secrets_file, encoding="utf-8") as file:
        secrets = file.read().split()
    if not secrets:
        raise ValueError(f"{secrets_file} is empty")
    return secrets


def verified(secrets, body, signature):
    """Compares with every secret in constant time: Base64(HMAC-SHA256(secret, raw body))."""
    ok = False
    for secret in secrets:
        want = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest())
        ok = hmac.compare_digest(want, signature.encode()) or ok
    return ok


def parse(body):
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        return None
    whole = isinstance(event, dict) and all(isinstance(event.get(key), str) and event[key] for key in ("id", "eventType"))
    return event if whole else None


def accept(event, now):
    """Lets an event wait for its turn, once for each id. Returns False when too many wait: TitanX sends it again."""
    with lock:
        while seen and now - next(iter(seen.values())) > REMEMBER_FOR:
            del seen[next(iter(seen))]
        if event["id"] in seen:
            return True
        try:
            waiting.put_nowait(event)
        except queue.Full:
            return False
        seen[event["id"]] = now
        return True


def work():
    while True:
        event = waiting.get()
        try:
            handle(event)
        except Exception as err:  # the next event must not wait for ever
            print(f"handle {event['id']}: {err}", file=sys.stderr)
        finally:
            waiting.task_done()


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 10  # seconds for a caller to send its request

    def do_POST(self):
        status = self.receive()
        if status not in (204, 400, 401, 503):
            self.close_connection = True  # the body was not read
        self.answer(status)

    def do_GET(self):
        self.answer(404 if self.path.split("?")[0] != "/titanx" else 405)

    do_PUT = do_PATCH = do_DELETE = do_GET

    def receive(self):
        """Gives the status to answer with."""
        if self.path.split("?")[0] != "/titanx":
            return 404
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            return 411
        body = self.rfile.read(min(int(length), MAX_BODY + 1))
        if len(body) > MAX_BODY:
            return 413
        try:
            secrets = read_secrets()
        except (OSError, ValueError) as err:
            print(f"read secrets: {err}", file=sys.stderr)
            return 503
        if not verified(secrets, body, self.headers.get("X-TitanX-Signature", "")):
            return 401
        event = parse(body)
        if event is None:
            return 400
        return 204 if accept(event, time.monotonic()) else 503

    def answer(self, status):
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Length", "0")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()

    def log_message(self, *_):
        pass


def main():
    try:
        read_secrets()
    except (OSError, ValueError) as err:
        sys.exit(f"TITANX_SECRETS_FILE: {err}")
    threading.Thread(target=work, daemon=True).start()
    server = ThreadingHTTPServer((os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("PORT", "8000"))), Receiver)
    # shutdown waits for serve_forever, which the signal has interrupted in this thread
    stop = lambda *_: threading.Thread(target=server.shutdown).start()
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    host, port = server.server_address[:2]
    print(f"listening on http://{host}:{port}", flush=True)
    server.serve_forever()
    server.server_close()
    waiting.join()


if __name__ == "__main__":
    main()
