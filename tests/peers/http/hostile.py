"""Sends the hostile requests of `tests/http/hostile/server.jsonl` to servers over real sockets, once each.

usage: hostile.py NAME=URL... [--cases FILE] [--only PART] [--table FILE] [--least NUMBER]

Left out is what can't be said to any server by HTTP alone: callers with names, tools that log or never end, floods whose
bounds the test sets, header values with line breaks, which would be other headers. After every case the server has to
answer somebody who behaves, in the era of the case."""
import argparse
import json
import pathlib
import socket
import sys
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
MODERN = "2026-07-28"
META = {"io.modelcontextprotocol/protocolVersion": MODERN, "io.modelcontextprotocol/clientCapabilities": {}}
# How long a server may take to answer.
PATIENCE = 4.0
LEFT_OUT = {"as", "tool", "times", "unique", "ready", "lacks"}


def is_public(case):
    text = json.dumps(case["steps"])
    return (case["server"] == "both" and not any(LEFT_OUT & step.keys() for step in case["steps"])
            and not any(part in text for part in ("$e", "\\r", "session-1", '"method": ""')))


class Answer:
    def __init__(self, status, headers=(), body=b""):
        self.status, self.headers, self.body = status, dict(headers), body

    def messages(self):
        text = self.body.decode(errors="replace")
        if "event-stream" in self.headers.get("content-type", ""):
            lines = [line[5:].strip() for line in text.splitlines() if line.startswith("data:")]
        else:
            lines = [text]
        for line in lines:
            try:
                yield json.loads(line)
            except ValueError:
                pass

    def code(self):
        found = [message["error"].get("code") for message in self.messages()
                 if isinstance(message, dict) and isinstance(message.get("error"), dict)]
        return found[-1] if found else None

    def has_result(self):
        return any(isinstance(message, dict) and "result" in message for message in self.messages())


class Connection:
    """One request on a connection of its own."""

    def __init__(self, address, head, body):
        self.socket = socket.create_connection(address, timeout=PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.data = b""
        try:
            self.socket.sendall(head + body)
        except OSError:
            pass  # It was refused before it was all sent; there may be an answer.

    def more(self):
        data = self.socket.recv(65536)
        self.data += data
        return bool(data)

    def answer(self):
        """The answer; its status is "silent" when there is none in time and "closed" when the server hangs up."""
        try:
            while True:
                while b"\r\n\r\n" not in self.data:
                    if not self.more():
                        return Answer("closed")
                head, _, self.data = self.data.partition(b"\r\n\r\n")
                lines = head.decode("latin-1").split("\r\n")
                status = int(lines[0].split()[1])
                if status >= 200:
                    break
        except (TimeoutError, ConnectionError):
            return Answer("closed" if self.data or not is_open(self.socket) else "silent")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        return Answer(status, headers, self.body(status, headers))

    def body(self, status, headers):
        is_stream = "event-stream" in headers.get("content-type", "")
        length = int(headers["content-length"]) if "content-length" in headers else None
        is_chunked = "chunked" in headers.get("transfer-encoding", "")
        if is_stream:
            self.socket.settimeout(1.0)
        try:
            while True:
                whole = unchunked(self.data) if is_chunked else (self.data, False)
                if whole[1] or (length is not None and len(self.data) >= length) or status in (202, 204, 304):
                    break
                if is_stream and (b'"result"' in whole[0] or b'"error"' in whole[0]) and whole[0].endswith(b"\n\n"):
                    break
                if not self.more():
                    break
        except OSError:
            pass
        return unchunked(self.data)[0] if is_chunked else self.data


def is_open(connection):
    try:
        connection.send(b"")
        return True
    except OSError:
        return False


def unchunked(data):
    """The chunks that have come, and whether that is all."""
    whole = b""
    while b"\r\n" in data:
        size, _, data = data.partition(b"\r\n")
        size = int(size.split(b";")[0] or b"0", 16)
        if size == 0:
            return whole, True
        whole, data = whole + data[:size], data[size + 2:]
    return whole, False


class Run:
    def __init__(self, url):
        parts = urllib.parse.urlsplit(url)
        self.address, self.path = (parts.hostname, parts.port), parts.path
        self.sessions, self.open = [], []

    def base(self, step):
        """The headers and the body that a step begins with."""
        headers = {"host": f"localhost:{self.address[1]}", "content-type": "application/json",
                   "accept": "application/json, text/event-stream"}
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "echo", "arguments": {"message": "hi"}}}
        do = step["do"]
        if do == "modern":
            call["params"]["_meta"] = dict(META)
            headers |= {"mcp-protocol-version": MODERN, "mcp-method": "tools/call", "mcp-name": "echo"}
        elif do == "initialize":
            call |= {"method": "initialize", "params": {"protocolVersion": "2025-11-25", "capabilities": {},
                                                        "clientInfo": {"name": "c", "version": "1"}}}
        else:
            headers |= {"mcp-session-id": "$1", "mcp-protocol-version": "2025-11-25"}
        if do == "ready":
            call = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        if do in ("get", "delete"):
            del headers["content-type"]
            call = None
        return headers, call

    def once(self, step):
        headers, call = self.base(step)
        for pointer, value in step.get("json", {}).items():
            keys = [key.replace("~1", "/").replace("~0", "~") for key in pointer[1:].split("/")]
            place = call
            for key in keys[:-1]:
                place = place[key]
            place[keys[-1]] = value
        if "fill" in step:
            before, unit, times, after = step["fill"]
            body = (before + unit * times + after).encode("latin-1")
        elif "body" in step:
            body = step["body"].encode("latin-1")
        else:
            body = b"" if call is None else json.dumps(call).encode()
        if body or call is not None:
            headers["content-length"] = str(len(body))
        for name, value in step.get("set", {}).items():
            headers.pop(name, None)
            if value is not None:
                headers[name] = value
        fields = [*headers.items(), *step.get("add", [])]
        method = step.get("method") or {"get": "GET", "delete": "DELETE"}.get(step["do"], "POST")
        lines = [f"{method} {self.path} HTTP/1.1"] + [f"{name}: {self.known(value)}" for name, value in fields]
        connection = Connection(self.address, "\r\n".join([*lines, "", ""]).encode("latin-1"), body)
        answer = connection.answer()
        self.open.append(connection)
        if step["do"] == "initialize" and "mcp-session-id" in answer.headers:
            self.sessions.append(answer.headers["mcp-session-id"])
        if step.get("drop"):
            connection.socket.close()
        return answer

    def known(self, value):
        if value[:1] == "$" and value[1:].isdigit():
            number = int(value[1:])
            return self.sessions[number - 1] if number <= len(self.sessions) else "none"
        return value

    def close(self):
        for connection in self.open:
            connection.socket.close()


def is_alive(url, case):
    run = Run(url)
    try:
        if case["steps"][0]["do"] == "modern":
            return run.once({"do": "modern"}).has_result()
        if not run.once({"do": "initialize"}).has_result():
            return False
        run.once({"do": "ready"})
        alive = run.once({"do": "legacy"}).has_result()
        if run.sessions:
            run.once({"do": "delete"})
        return alive
    except OSError:
        return False
    finally:
        run.close()


def said(status, code):
    return str(status) if code is None else f"{status} {code}"


def judge(url, case):
    """What came of the last step, against what the case asks for there; an earlier step that fails ends the case."""
    run = Run(url)
    try:
        for step in case["steps"]:
            answer = run.once(step)
            wanted = step.get("status"), step.get("code")
            got = answer.status, answer.code() if step.get("code") else None
            if step["do"] == "delete" and got[0] in (202, 204):
                got = 200, None  # Any of them says that it is done.
            if wanted[0] is not None and got[0] != wanted[0]:
                break
    except OSError as error:
        got, wanted = (f"no connection: {error}", None), (None, None)
    finally:
        run.close()
    verdict = grade(wanted, got, step, answer)
    if not is_alive(url, case):
        verdict = "dead"
    return {"case": case["name"], "wanted": said(*wanted), "got": said(*got), "verdict": verdict}


def grade(wanted, got, step, answer):
    status = got[0]
    if not isinstance(status, int):
        # A request that is no HTTP at all may be hung up on.
        return "closed" if status == "closed" and (wanted[0] or 0) >= 400 else "silent"
    if status >= 500 and status != 503:
        return "broke"
    if wanted[0] is None:
        return "same"
    if status < 400 <= wanted[0]:
        # An error within a stream of events is one as well.
        return "accepted" if answer.code() is None else "other"
    if wanted[0] < 400 <= status:
        return "refused"
    if got == wanted and (not step.get("result") or answer.has_result()):
        return "same"
    return "other"


MEANING = {
    "same": "the status and the error code that our test asks for",
    "other": "refused or served as well, by another status or code",
    "closed": "no answer, the connection is closed",
    "accepted": "served what is to be refused",
    "refused": "refused what is to be served",
    "broke": "a status of 500 and above",
    "silent": f"no answer within {PATIENCE:g} s",
    "dead": "who behaves isn't served any more",
}


def table(results):
    names = list(results)
    rows = ["| outcome | " + " | ".join(names) + " | what it means |", "|---" * (len(names) + 2) + "|"]
    for verdict, meaning in MEANING.items():
        counts = [sum(row["verdict"] == verdict for row in results[name]) for name in names]
        rows.append(f"| {verdict} | " + " | ".join(map(str, counts)) + f" | {meaning} |")
    rows += ["", "| case | wanted | " + " | ".join(names) + " |", "|---" * (len(names) + 2) + "|"]
    for row in zip(*results.values()):
        cells = ["" if cell["verdict"] == "same" else
                 (cell["verdict"] if cell["verdict"] in ("silent", "closed") else f"{cell['verdict']}: {cell['got']}")
                 for cell in row]
        if any(cells):
            rows.append(f"| {row[0]['case']} | {row[0]['wanted']} | " + " | ".join(cells) + " |")
    return "\n".join(rows) + "\n"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("servers", nargs="+")
    parser.add_argument("--cases", default=HERE.parents[1] / "http/hostile/server.jsonl")
    parser.add_argument("--only")
    parser.add_argument("--table")
    parser.add_argument("--least", type=int, default=0, help="how many have to be as wanted, none of the rest a fault")
    options = parser.parse_args()
    cases = [case for case in map(json.loads, open(options.cases)) if is_public(case)]
    if options.only:
        cases = [case for case in cases if options.only in case["name"]]
    results = {}
    for server in options.servers:
        name, _, url = server.partition("=")
        results[name] = [judge(url, case) for case in cases]
        bad = [row for row in results[name] if row["verdict"] != "same"]
        print(f"{name}: {len(cases) - len(bad)} of {len(cases)} as wanted", file=sys.stderr)
        for row in bad:
            print("  ", row, file=sys.stderr)
        faults = [row for row in bad if row["verdict"] in ("accepted", "broke", "silent", "dead")]
        if options.least and (faults or len(cases) - len(bad) < options.least):
            sys.exit(f"{name}: {options.least} wanted; faults: {faults}")
    if options.table:
        pathlib.Path(options.table).write_text(table(results))


main()
