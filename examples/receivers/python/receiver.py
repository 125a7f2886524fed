# Copyright (c) TitanX
# SPDX-License-Identifier: MPL-2.0

"""Accepts TitanX deliveries on POST /titanx. It serves plain HTTP: run it behind
a proxy that terminates TLS. A delivery is verified in deliver, written to the
disk in accept, answered, and handled in work."""

import base64
import hashlib
import hmac
import io
import json
import math
import os
import re
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

try:
    import waitress
except ImportError:
    waitress = None

MAX_BODY = 1 << 20  # bytes
MAX_LEVELS = 100  # of nested JSON
MAX_WAITING = 1000  # events
WINDOW = 4 * 24 * 3600 * 1000  # how old a timestamp may be, in milliseconds; TitanX repeats a delivery for three days


def handle(event):
    """Does the work of an event. It may take longer than the 10 seconds in
    which TitanX expects an answer. The event is done when handle returns: the
    result and the mark go into the events file in one write. If handle raises
    an exception, the event is forgotten, and another copy is accepted."""
    print("handled", event["eventType"], event["id"], flush=True)


def parse(body):
    """Returns the event of a body, which must be a JSON object with an id, an
    eventType and a timestamp, or None."""
    try:
        event = json.loads(body.decode("utf-8-sig"), parse_int=number, parse_constant=number)
        named = all(re.fullmatch("[!-~]{1,200}", event[key]) for key in ("id", "eventType"))
        timed = type(event["timestamp"]) in (int, float) and math.isfinite(event["timestamp"])
        return event if named and timed and shallow(event, MAX_LEVELS) else None
    except (ValueError, TypeError, LookupError, RecursionError):
        return None


def number(text):
    """Returns the value of an integer, which int does not take at any length.
    NaN and Infinity are no JSON."""
    if text[-1] in "Ny":
        raise ValueError("not a JSON number")
    return int(text) if len(text) < 300 else float(text)


def shallow(value, levels):
    """Reports whether a value has at most so many levels."""
    if not isinstance(value, (dict, list)):
        return True
    inner = value.values() if isinstance(value, dict) else value
    return levels > 0 and all(shallow(v, levels - 1) for v in inner)


def parse_secrets(text, reading="whole"):
    """Returns the keys of a secrets file, which has one secret a line. A line
    that cannot be a secret spoils the whole file. An error never
    quotes it."""
    if text.startswith(b"\xef\xbb\xbf"):
        raise ValueError("it begins with a byte order mark: save it without one")
    if text.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in text:
        raise ValueError("it is UTF-16: save it as ASCII")
    lines = [line.strip(b" \t\r") for line in text.split(b"\n")]
    keys = [parse_secret(line, reading, f"line {number}") for number, line in enumerate(lines, 1) if line]
    if not keys:
        raise ValueError("it has no secret")
    return keys


def parse_secret(line, reading, where):
    """Returns the key of a secret. What of the secret is the key is not
    documented: all of it ("whole"), what follows its prefix ("after-prefix"),
    or the bytes that this encodes in base64 ("decoded")."""
    if line.startswith(b"#"):
        raise ValueError(f"{where} begins with #")
    if line.startswith((b'"', b"'")):
        raise ValueError(f"{where} begins with a quote")
    if re.search(rb"[ \t\r]", line):
        raise ValueError(f"{where} has white space inside")
    if re.search(rb"[^!-~]", line):
        raise ValueError(f"{where} has a character that is not printable ASCII")
    key = line
    if reading != "whole":
        match = re.fullmatch(rb"(?:whsec_|wh_sk_)(.*)", line)
        if not match:
            raise ValueError(f"{where} has no prefix whsec_ or wh_sk_")
        key = match[1]
    if reading == "decoded":
        try:
            key = base64.b64decode(key)
        except ValueError:
            key = b""
        if base64.b64encode(key) != match[1]:
            raise ValueError(f"{where} has no base64 after its prefix")
    if len(key) < 16:
        raise ValueError(f"{where} is shorter than 16 bytes")
    return key


def verified(keys, body, signature):
    """Reports whether the signature is that of the body under one of the keys:
    Base64(HMAC-SHA256(key, body)). It compares in constant time."""
    ok = False
    for key in keys:
        want = base64.b64encode(hmac.new(key, body, hashlib.sha256).digest())
        ok = hmac.compare_digest(want, signature.encode()) or ok
    return ok


def old(timestamp):
    """Reports whether a delivery of this timestamp is a replay."""
    return time.time() * 1000 - timestamp > WINDOW


class Receiver:
    def __init__(self, secrets_file, reading="whole"):
        if reading not in ("whole", "after-prefix", "decoded"):
            raise ValueError("TITANX_SECRET_READING must be whole, after-prefix or decoded")
        self.secrets_file, self.reading = secrets_file, reading
        self.accepting = False
        self.changed = threading.Condition()  # its lock is for all that follows
        self.waiting = []  # events and bodies
        self.done = {}  # id to timestamp
        self.pruned = 0
        self.torn = False  # the last write failed, perhaps in the middle of a line
        self.secrets = b""  # of the last delivery
        self.proven = False  # a delivery has verified with these secrets
        self.refused = 0  # deliveries that have not
        self.reported = {}  # kind of message to time
        try:
            with open(secrets_file, "rb") as file:
                parse_secrets(file.read(), reading)
        except (OSError, ValueError) as err:
            raise ValueError(f"secrets file: {err}") from None

    def open(self, events_file):
        """Reads the events file, replaces it by one of what still matters. In
        the file, an id is waiting, done or failed."""
        marks = []
        for number, line in enumerate(lines_of(events_file), 1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
                state, id, timestamp = record["state"], record["id"], record["timestamp"]
                same = [i for i, (event, _) in enumerate(self.waiting) if event["id"] == id]
                if state == "waiting":
                    event = parse(record["body"].encode())
                    if not event:
                        raise ValueError("no event")
                    self.waiting.append((event, record["body"]))
                elif state == "done":
                    self.waiting = [e for i, e in enumerate(self.waiting) if i not in same]
                    self.done[id] = timestamp
                    marks += [] if old(timestamp) else [record]
                else:
                    del self.waiting[same[0]]
            except (ValueError, TypeError, LookupError):
                print(f"events file: line {number} is not whole, and is dropped", file=sys.stderr, flush=True)
        with open(events_file + ".new", "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as self.file:
            for record in marks + [waits(event, body) for event, body in self.waiting]:
                self.write(record)
            self.file.flush()
            os.fsync(self.file.fileno())
        if self.torn:
            raise OSError("it cannot be written")
        os.replace(events_file + ".new", events_file)
        if os.name == "posix":
            folder = os.open(os.path.dirname(events_file) or ".", os.O_RDONLY)
            os.fsync(folder)  # the new name
            os.close(folder)
        self.file = open(events_file, "ab", buffering=0)
        self.accepting = True

    def start(self):
        """Begins to handle events."""
        threading.Thread(target=self.work, daemon=True).start()

    def write(self, record, flush=False):
        """Appends a record to the events file, and reports whether it could."""
        line = b"\n" * self.torn + json.dumps(record).encode() + b"\n"
        try:
            self.torn = True
            if self.file.write(line) < len(line):
                raise OSError("no space left")
            if flush:
                os.fsync(self.file.fileno())
            self.torn = False
        except OSError as err:
            self.report("write", f"events file: {err}")
        return not self.torn

    def deliver(self, body, signature):
        """Returns the status to answer a delivery with. TitanX repeats it
        after a 503, and never after a 4xx."""
        with self.changed:
            try:
                with open(self.secrets_file, "rb") as file:  # for each delivery, so that a rotation needs no restart
                    text = file.read()
                keys = parse_secrets(text, self.reading)
            except (OSError, ValueError) as err:
                self.report(str(err), f"secrets file: {err}")
                return 503
            if text != self.secrets:
                self.secrets, self.proven, self.refused = text, False, 0
            if not verified(keys, body, signature):
                self.refused += 1
                if not self.proven:
                    self.report("refused", f"{self.refused} refused: no delivery has verified with the present secrets file")
                return 401
            self.proven = True
            event = parse(body)
            if event is None:
                return 400
            if old(event["timestamp"]):
                self.report("old", "a delivery is more than four days old: it is a replay, or the clock of this machine is wrong")
                return 503
            return self.accept(event, body.decode("utf-8-sig"))

    def accept(self, event, body):
        """Writes an event to the disk, and lets it wait for its turn."""
        if time.time() - self.pruned > 3600:
            self.done = {id: timestamp for id, timestamp in self.done.items() if not old(timestamp)}
            self.pruned = time.time()
        if event["id"] in self.done:
            return 204
        if len(self.waiting) >= MAX_WAITING:
            self.report("full", f"{MAX_WAITING} events wait: no more is accepted")
            return 503
        if not self.write(waits(event, body), flush=True):
            return 503
        self.waiting.append((event, body))
        self.changed.notify_all()
        return 204

    def work(self):
        """Handles the waiting events, one after another. Copies of an event
        wait, too, so that one is left if another fails."""
        while True:
            with self.changed:
                self.changed.wait_for(lambda: self.waiting)
                event, _ = self.waiting[0]
                is_done = event["id"] in self.done
            mark = None if is_done else attempt(event)
            with self.changed:
                while mark and not self.write(mark) and self.accepting:
                    self.changed.wait(1)
                if mark and mark["state"] == "done":
                    self.done[mark["id"]] = mark["timestamp"]
                del self.waiting[0]
                self.changed.notify_all()

    def drain(self):
        """Waits until no event waits."""
        with self.changed:
            self.changed.wait_for(lambda: not self.waiting)

    def report(self, kind, message):
        """Logs a message, of each kind at most one a minute."""
        now = time.monotonic()
        if now - self.reported.get(kind, -60) >= 60:
            self.reported[kind] = now
            print(message, file=sys.stderr, flush=True)

    def __call__(self, environ, start_response):
        """The WSGI application. It sends no Content-Length, so that the server
        closes the connection: nothing of a request is taken for the next."""
        status = self.answer(environ)
        start_response(STATUS[status], [("Allow", "POST")] if status == 405 else [])
        return []

    def answer(self, environ):
        accepting = environ.get("titanx.accepting", self.accepting)
        body = environ["wsgi.input"].read(MAX_BODY + 1)  # the server ends it where the body ends
        if len(body) > MAX_BODY:
            return 413
        if not accepting:
            return 503
        if environ.get("REQUEST_URI", environ.get("PATH_INFO", "")).split("?")[0] != "/titanx":
            return 404
        if environ["REQUEST_METHOD"] != "POST":
            return 405
        return self.deliver(body, environ.get("HTTP_X_TITANX_SIGNATURE", ""))


LIMITS = {
    "max_request_body_size": 8 * MAX_BODY,  # with the sizes of chunks; the application has its own limit
    "channel_timeout": 10, "connection_limit": 1000, "asyncore_use_poll": True,
}  # fmt: skip
STATUS = {
    204: "204 No Content", 400: "400 Bad Request", 401: "401 Unauthorized", 404: "404 Not Found",
    405: "405 Method Not Allowed", 413: "413 Content Too Large", 503: "503 Service Unavailable",
}  # fmt: skip


def waits(event, body):
    return {"state": "waiting", "id": event["id"], "timestamp": event["timestamp"], "body": body}


def attempt(event):
    """Handles an event and returns the mark that it gets."""
    mark = {"state": "done", "id": event["id"], "timestamp": event["timestamp"]}
    try:
        result = handle(event)
        return mark if result is None else json.loads(json.dumps({**mark, "result": result}, allow_nan=False))
    except BaseException as err:  # sys.exit, too, would end this thread alone
        print(f"handle {mark['id']}: {err}", file=sys.stderr, flush=True)
        return {**mark, "state": "failed"}


def lines_of(file):
    if os.path.exists(file):
        with open(file, "rb") as lines:
            yield from lines


class Bundled(BaseHTTPRequestHandler):
    """Serves one request on each connection, on machines without waitress. An
    attacker can hold as many of its threads as he likes."""

    protocol_version = "HTTP/1.1"
    timeout = 10  # seconds without a byte

    def handle(self):
        accepting = self.server.app.accepting
        self.raw_requestline = self.rfile.readline(65537)
        if not self.parse_request():  # which then answers
            return
        try:
            body = io.BytesIO(self.body())
        except ValueError:
            self.start_response("400 Bad Request", [])
            return
        signature = ", ".join(value.strip(" \t") for value in self.headers.get_all("X-TitanX-Signature", []))
        self.server.app(
            {
                "REQUEST_METHOD": self.command,
                "REQUEST_URI": self.requestline.split()[1],
                "HTTP_X_TITANX_SIGNATURE": signature,
                "wsgi.input": body,
                "titanx.accepting": accepting,
            },
            self.start_response,
        )

    def start_response(self, status, headers):
        self.send_response(int(status[:3]))
        for header in [*headers, ("Connection", "close")]:
            self.send_header(*header)
        self.end_headers()

    def body(self):
        """Returns the body, or enough of it to see that it is too large."""
        lengths, codings = self.headers.get_all("Content-Length", []), self.headers.get_all("Transfer-Encoding", [])
        if not codings:
            length = "".join(lengths).strip() or "0"
            if len(lengths) > 1 or not re.fullmatch("[0-9]{1,20}", length):
                raise ValueError("not a length")
            return self.read(min(int(length), MAX_BODY + 1))
        if lengths or [coding.strip().lower() for coding in codings] != ["chunked"]:
            raise ValueError("not one way to find the end of the body")
        body = b""
        while len(body) <= MAX_BODY:
            size = re.match(rb"([0-9A-Fa-f]{1,8})[ \t]*(;|\r?\n)", self.rfile.readline(65537))
            if not size:
                raise ValueError("not a chunk")
            if int(size[1], 16) == 0:
                while self.rfile.readline(65537).strip():
                    pass  # trailers
                return body
            body += self.read(min(int(size[1], 16), MAX_BODY + 1))
            self.rfile.readline(3)
        return body

    def read(self, size):
        data = self.rfile.read(size)
        if len(data) < size:
            raise ConnectionError("the caller went away")
        return data

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 128

    def handle_error(self, *_):
        pass  # the caller went away, or was too slow


def main():
    env = os.environ
    host, port = env.get("HOST") or "127.0.0.1", int(env.get("PORT") or "8000")
    receiver = Receiver(env.get("TITANX_SECRETS_FILE", ""), env.get("TITANX_SECRET_READING") or "whole")
    # A second process on the same port fails here, before it touches the file.
    if waitress:
        server = waitress.create_server(receiver, host=host, port=port, **LIMITS)
        run, port = server.run, server.effective_port
    else:
        print("waitress is not installed: this server is for trying the receiver", file=sys.stderr, flush=True)
        server = Server((host, port), Bundled)
        server.app = receiver
        run, port = server.serve_forever, server.server_port
    try:
        receiver.open(env.get("TITANX_EVENTS_FILE") or "titanx-events.jsonl")
    except OSError as err:
        raise ValueError(f"events file: {err}") from None
    threading.Thread(target=run, daemon=True).start()
    stopped = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.append(number))
    print(f"listening on http://{host}:{port}", flush=True)
    receiver.start()
    while not stopped:
        time.sleep(0.1)  # a lock would not notice a signal that comes to another thread

    receiver.accepting = False  # requests that begin from now on are answered 503
    receiver.drain()
    time.sleep(1)  # for requests that began before, and for the last answers
    receiver.drain()


if __name__ == "__main__":
    try:
        main()
    except (OSError, ValueError) as err:
        sys.exit(str(err))
