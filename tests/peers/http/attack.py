"""Attacks a server of ours with raw sockets and sees to it that who behaves is served all along, within a second or two,
and that memory comes back. usage: attack.py [--only NAME] -- COMMAND with @PORT@"""
import argparse
import json
import os
import resource
import select
import socket
import subprocess
import sys
import threading
import time

META = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
# How long whoever behaves may wait for an answer while an attack is under way.
PATIENCE = 5.0


def request(method="POST", body=b"", headers=(), version="1.1", length=True):
    lines = [f"{method} /mcp HTTP/{version}", "host: localhost", "accept: application/json, text/event-stream",
             *([f"content-length: {len(body)}"] if length else []), *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def modern(tool="echo", arguments=None, method="tools/call", headers=(), id=1, token=None, **more):
    meta = META if token is None else META | {"progressToken": token}
    params = {"name": tool, "arguments": arguments or {"message": "hi"}, "_meta": meta}
    if method != "tools/call":
        params = {"_meta": META, **(arguments or {})}
    body = json.dumps({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).encode()
    names = [f"mcp-name: {tool}"] if method == "tools/call" else []
    return request(body=body, headers=["content-type: application/json", "mcp-protocol-version: 2026-07-28",
                                       f"mcp-method: {method}", *names, *headers], **more)


def legacy(method, params, session=None, id=1):
    message = {"jsonrpc": "2.0", "method": method, "params": params} | ({"id": id} if id is not None else {})
    marks = [f"mcp-session-id: {session}", "mcp-protocol-version: 2025-11-25"] if session else []
    return request(body=json.dumps(message).encode(), headers=["content-type: application/json", *marks])


INITIALIZE = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "c", "version": "1"}}


class Target:
    def __init__(self, command):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        command = [part.replace("@PORT@", str(self.port)) for part in command]
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        for _ in range(100):
            try:
                self.open().close()
                return
            except OSError:
                time.sleep(0.1)
        sys.exit("it doesn't start")

    def open(self, small=False, source=None):
        # Its own buffer may be small, so that what it doesn't read fills up soon.
        connection = socket.socket()
        if source:
            connection.bind((source, 0))
        if small:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(PATIENCE)
        connection.connect(("127.0.0.1", self.port))
        return connection

    def send(self, data, small=False, source=None):
        connection = self.open(small, source)
        try:
            connection.sendall(data)
        except OSError:
            pass
        return connection

    def status(self, data, end=False, source=None):
        """The status and what follows, until the server has no more to say."""
        with self.send(data, source=source) as connection:
            if end:
                connection.shutdown(socket.SHUT_WR)
            return read(connection)

    def memory(self):
        for line in open(f"/proc/{self.process.pid}/status"):
            if line.startswith("VmRSS"):
                return int(line.split()[1]) // 1024

    def counts(self):
        tasks = len(os.listdir(f"/proc/{self.process.pid}/task"))
        return tasks, len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def served(self):
        """How long an echo takes somebody at another address, and a session; fails when they take too long."""
        begun = time.monotonic()
        text = self.status(modern(headers=["connection: close"]), source="127.0.0.2")
        assert b'"result"' in text, f"no echo: {text[:200]}"
        head = self.status(legacy("initialize", INITIALIZE).replace(b"host:", b"connection: close\r\nhost:"), source="127.0.0.2")
        assert b'"result"' in head, f"no session: {head[:200]}"
        took = time.monotonic() - begun
        assert took < PATIENCE, f"served after {took:.1f} s"
        return took


def read(connection, patience=PATIENCE):
    connection.settimeout(patience)
    text = b""
    try:
        while part := connection.recv(65536):
            text += part
            head, _, body = text.partition(b"\r\n\r\n")
            length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            if body is not None and length and len(body) >= int(length[0][15:]):
                break
    except OSError:
        pass
    return text


def code(text):
    return int(text.split()[1]) if text.startswith(b"HTTP/") else None


ATTACKS = {}


def attack(function):
    ATTACKS[function.__name__] = function
    return function


@attack
def heads_that_never_end(it):
    held = [it.send(b"POST /mcp HTTP/1.1\r\nhost: localhost\r\nx-slow: ") for _ in range(900)]
    it.served()
    for connection in held[::7]:
        connection.send(b"x")
    it.served()


@attack
def connections_that_say_nothing(it):
    held = [it.open() for _ in range(2000)]
    it.served()
    del held


@attack
def bodies_that_never_end(it):
    part = modern().replace(b"content-length: ", b"content-length: 9")
    held = [it.send(part) for _ in range(900)]
    it.served()
    del held


@attack
def bodies_that_are_dropped(it):
    part = modern().replace(b"content-length: ", b"content-length: 9")
    for _ in range(3000):
        it.send(part).close()
    it.served()


@attack
def big_bodies_that_never_end(it):
    body = b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":"' + b"x" * (3 << 20)
    head = request(headers=["content-type: application/json", f"content-length: {4 << 20}"], length=False)
    held = []
    for _ in range(60):
        connection = it.open()
        connection.settimeout(0.5)
        try:
            connection.sendall(head + body)
        except OSError:
            pass
        held.append(connection)
    it.served()
    assert it.memory() < 400, f"{it.memory()} MiB for 60 bodies of 3 MiB"


@attack
def calls_that_are_opened_and_dropped(it):
    for _ in range(3000):
        it.send(modern("slow", {"seconds": 30})).close()
    it.served()


@attack
def calls_that_are_opened_and_held(it):
    """As many as leave a thread to others: handlers that block have so many, whoever they work for."""
    held = [it.send(modern("slow", {"seconds": 20})) for _ in range(60)]
    it.served()
    del held


@attack
def initialize_flood(it):
    connection = it.open()
    for n in range(15000):
        connection.sendall(legacy("initialize", INITIALIZE))
        if n % 50 == 0:
            drain(connection)
        if n % 5000 == 0:
            it.served()
    it.served()


@attack
def initialized_flood(it):
    """Sessions that are open: the limit is reached by those that are idle."""
    connection = it.open()
    for n in range(11000):
        connection.sendall(legacy("initialize", INITIALIZE))
        text = read(connection)
        if code(text) != 200:
            continue
        session = text.lower().split(b"mcp-session-id: ")[1].split(b"\r\n")[0].decode()
        connection.sendall(legacy("notifications/initialized", {}, session, None))
        read_head(connection)
    it.served()


@attack
def get_flood(it):
    text = it.status(legacy("initialize", INITIALIZE))
    session = text.lower().split(b"mcp-session-id: ")[1].split(b"\r\n")[0].decode()
    it.status(legacy("notifications/initialized", {}, session, None))
    get = request("GET", headers=[f"mcp-session-id: {session}", "mcp-protocol-version: 2025-11-25"], length=False)
    for n in range(3000):
        it.send(get).close()
    held = [it.send(get) for _ in range(500)]
    it.served()
    del held


@attack
def listeners_that_are_dropped(it):
    filter = {"notifications": {"toolsListChanged": True}}
    for _ in range(3000):
        it.send(modern(method="subscriptions/listen", arguments=filter)).close()
    it.served()


@attack
def readers_that_never_read(it):
    """Answers of half a megabyte, asked for again and again on connections that read nothing."""
    call = modern("echo", {"message": "x" * 500_000})
    held = []
    for _ in range(40):
        connection = it.open(small=True)
        connection.settimeout(0.2)
        try:
            for _ in range(4):
                connection.sendall(call)
        except OSError:
            pass
        held.append(connection)
    it.served()
    memory = it.memory()
    assert memory < 400, f"{memory} MiB are held for 40 who read nothing"


@attack
def pipelined_requests(it):
    with it.send(modern(headers=[]) * 2000) as connection:
        text, end = b"", time.monotonic() + 30
        connection.settimeout(10)
        while text.count(b'"result"') < 2000 and time.monotonic() < end and (part := connection.recv(1 << 20)):
            text += part
        assert text.count(b'"result"') == 2000, text.count(b'"result"')
    it.served()


@attack
def requests_that_half_close(it):
    text = it.status(modern(), end=True)
    assert text == b"" or b'"result"' in text, text
    it.served()


@attack
def old_http(it):
    text = it.status(modern(version="1.0"))
    assert code(text) == 200 and b"chunked" not in text.lower(), text[:300]
    text = it.status(modern("test_tool_with_progress", {}, version="1.0", token=1))
    assert code(text) == 200 and text.count(b"notifications/progress") == 3 and b'"result"' in text, text
    assert b"transfer-encoding" not in text.lower(), text
    it.served()
    for garbage in (b"GET /mcp\r\n\r\n", b"\r\n" * 10_000, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 400,
                    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"POST /mcp HTTP/9.9\r\nhost: localhost\r\n\r\n", b"\0" * 100_000):
        text = it.status(garbage)
        assert code(text) in (400, 403, 405, 505, None), text[:200]
    it.served()


@attack
def expectations(it):
    call = modern(headers=["expect: 100-continue"])
    head, _, body = call.partition(b"\r\n\r\n")
    with it.send(head + b"\r\n\r\n") as connection:
        text = connection.recv(1000)
        assert text.startswith(b"HTTP/1.1 100"), text
        connection.sendall(body)
        assert b'"result"' in read(connection)
    foreign = head.replace(b"host: localhost", b"host: evil.example") + b"\r\n\r\n"
    text = it.status(foreign)
    assert code(text) == 403, f"{text[:100]}: no body is asked for in vain"
    for _ in range(300):
        it.send(head + b"\r\n\r\n").close()
    it.served()


@attack
def bodies_of_two_lengths(it):
    body = b'0\r\n\r\nPOST /mcp HTTP/1.1\r\nhost: localhost\r\n\r\n'
    common = ["content-type: application/json"]
    for games in (["content-length: 5", "transfer-encoding: chunked"], ["content-length: 5", "content-length: 6"],
                  ["transfer-encoding: chunked, chunked"], ["transfer-encoding: identity"], ["transfer-encoding: xchunked"],
                  ["transfer-encoding:\x0bchunked"], ["content-length: +5"], ["content-length: 5, 5"],
                  ["transfer-encoding: chunked", "transfer-encoding: identity"]):
        text = it.status(request(body=body, headers=[*common, *games], length=False))
        assert code(text) in (400, 411, 501, None), f"{games}: {text[:150]}"
        assert text.count(b"HTTP/1.1") <= 2, f"{games}: {text}"
    it.served()


@attack
def chunks(it):
    call = modern()
    head, _, body = call.partition(b"\r\n\r\n")
    head = b"\r\n".join(line for line in head.split(b"\r\n") if not line.startswith(b"content-length")) + b"\r\ntransfer-encoding: chunked\r\n\r\n"
    one_by_one = b"".join(b"1\r\n" + body[n:n + 1] + b"\r\n" for n in range(len(body))) + b"0\r\n\r\n"
    with_trailers = b"%x\r\n%s\r\n0\r\nx-trailer: y\r\n\r\n" % (len(body), body)
    extended = b"%x;name=value;%s\r\n%s\r\n0\r\n\r\n" % (len(body), b"e" * 100, body)
    for good in (one_by_one, with_trailers, extended):
        text = it.status(head + good)
        assert b'"result"' in text, f"{good[:40]}: {text[:200]}"
    for bad in (b"ffffffffffffffffff\r\nx", b"-1\r\nx\r\n", b"zz\r\n", b"1;" + b"e" * 100_000, b"5\nhello\n0\n\n",
                b"1\r\nxx\r\n", b"0\r\n" + b"x: y\r\n" * 10_000, b"0" * 1000 + b"1\r\nx\r\n"):
        text = it.status(head + bad)
        assert code(text) in (400, 408, 413, 431, None), f"{bad[:30]}: {text[:200]}"
    it.served()


@attack
def heads_that_are_huge(it):
    for headers in (["x: " + "y" * 70_000], [f"x-{n}: y" for n in range(5000)], ["y" * 70_000 + ": x"],
                    ["cookie: " + "a" * 400_000], ["mcp-name: " + "=?base64?" + "A" * 60_000 + "?="]):
        text = it.status(modern(headers=headers))
        assert code(text) in (200, 400, 413, 431, None), text[:200]
    text = it.status(b"POST /" + b"x" * 100_000 + b" HTTP/1.1\r\nhost: localhost\r\n\r\n")
    assert code(text) in (400, 404, 405, 414, 415, 431, None), text[:200]
    it.served()


@attack
def storms_of_other_methods(it):
    connection = it.open()
    for n in range(3000):
        method = ("HEAD", "OPTIONS", "DELETE", "PUT", "TRACE")[n % 5]
        connection.sendall(request(method, headers=["mcp-session-id: nobody"]))
        if n % 20 == 0:
            drain(connection)
    it.served()
    text = it.status(request("HEAD"))
    assert text.endswith(b"\r\n\r\n"), "a HEAD has no body"


@attack
def resets(it):
    for call in (modern(), modern("slow", {"seconds": 20}), legacy("initialize", INITIALIZE)):
        for _ in range(500):
            connection = it.send(call)
            # Lingers for no time: the other side gets a reset.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            connection.close()
    it.served()


@attack
def a_slow_reader_among_listeners(it):
    held = [it.send(modern(method="subscriptions/listen", arguments={"notifications": {"toolsListChanged": True}}), small=True)
            for _ in range(100)]
    for _ in range(200):
        it.status(modern("test_trigger_tool_change", {}, headers=["connection: close"]))
    it.served()
    text = read(held[0], 0.5)
    assert b"list_changed" in text, text[:300]


@attack
def more_connections_than_files(it):
    """Uses up the files that the server may have: it lets go of those that say nothing, or not all."""
    resource.prlimit(it.process.pid, resource.RLIMIT_NOFILE, (200, 4096))
    for said in (b"", b"POST /mcp HTTP/1.1\r\nhost: localhost\r\n", modern().replace(b"content-length: ", b"content-length: 9")):
        held = [it.send(said) for _ in range(400)]
        it.served()
        for connection in held:
            connection.close()


def read_head(connection):
    text = b""
    while b"\r\n\r\n" not in text and (part := connection.recv(65536)):
        text += part
    return text


def drain(connection):
    while select.select([connection], [], [], 0)[0]:
        if not connection.recv(1 << 20):
            raise OSError("closed")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    bad = 0
    for name, run in ATTACKS.items():
        if options.only and options.only not in name:
            continue
        it = Target(options.command)
        it.served()
        before = it.memory()
        begun = time.monotonic()
        most = [before]
        over = threading.Event()

        def watch():
            while not over.wait(0.05):
                try:
                    most[0] = max(most[0], it.memory() or 0)
                except (OSError, TypeError):
                    return

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            run(it)
            said = "ok  "
        except Exception as error:
            said, bad = f"FAIL {type(error).__name__}: {error}", bad + 1
        over.set()
        watcher.join()
        if it.process.poll() is not None:
            said, bad = f"FAIL it died: {it.process.returncode}", bad + 1
            after, counts = 0, (0, 0)
        else:
            time.sleep(0.3)
            after, counts = it.memory(), it.counts()
        print(f"{name}: {said} {time.monotonic() - begun:.1f} s, {before} MiB, at most {most[0]}, then {after}; "
              f"{counts[0]} threads, {counts[1]} files", flush=True)
        it.process.kill()
        it.process.wait()
    sys.exit(bool(bad))


main()
