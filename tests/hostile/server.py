#!/usr/bin/env python3
"""Is one hostile server of servers.jsonl on stdin and stdout: `server.py CASE legacy|modern`."""
import base64
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
RIGHT = {"resultType": "complete", "content": [{"type": "text", "text": "right"}]}
LIST = {"resultType": "complete", "ttlMs": 0, "cacheScope": "private",
        "tools": [{"name": "x", "inputSchema": {"type": "object"}}]}
INFO = {"name": "scripted", "version": "3.0"}


def opening(era):
    if era == "legacy":
        return {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}, "logging": {}}, "serverInfo": INFO}
    return {"resultType": "complete", "supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}, "logging": {}},
            "ttlMs": 0, "cacheScope": "private", "_meta": {"io.modelcontextprotocol/serverInfo": INFO}}


def write(data):
    out = sys.stdout.buffer
    out.write(data)
    out.flush()


def requests():
    for line in sys.stdin.buffer:
        try:
            message = json.loads(line)
        except ValueError:
            continue
        if isinstance(message, dict) and "method" in message and "id" in message:
            yield message


def good(message, era):
    method = message["method"]
    if method in ("initialize", "server/discover"):
        return opening(era)
    return {"tools/call": RIGHT, "tools/list": LIST}.get(method, {"resultType": "complete"})


def play(steps, request, era, coming):
    ok = json.dumps(good(request, era))

    def filled(text):
        return text.replace("$OK", ok).replace("$ID", json.dumps(request["id"]))

    for step in steps:
        if isinstance(step, str):
            write((filled(step) + "\n").encode())
        elif "raw" in step:
            write(filled(step["raw"]).encode())
        elif "drip" in step:
            for byte in filled(step["drip"]).encode():
                write(bytes([byte]))
        elif "b64" in step:
            write(base64.b64decode(step["b64"]))
        elif "times" in step:
            line = filled(step["line"]) + "\n"
            write("".join(line.replace("$N", str(n)) for n in range(step["times"])).encode())
        elif "fill" in step:
            before, unit, count, after = step["fill"]
            write((filled(before) + unit * count + filled(after) + "\n").encode())
        elif "answers" in step:
            for _ in range(step["answers"]):
                request = next(coming, request)
                write((filled(step["line"]) + "\n").encode())
        elif "wait" in step:
            sys.stdin.buffer.readline()
        elif "eof" in step:
            sys.exit()


def main(name, era):
    with open(os.path.join(HERE, "servers.jsonl"), encoding="utf-8") as lines:
        case = next(case for case in map(json.loads, lines) if case["name"] == name)
    on = {"open": ("initialize", "server/discover"), "list": ("tools/list",), "call": ("tools/call",)}[case["on"]]
    coming = requests()
    for request in coming:
        if on and request["method"] in on:
            on = None
            play(case["steps"], request, era, coming)
        else:
            answer = {"jsonrpc": "2.0", "id": request["id"], "result": good(request, era)}
            write((json.dumps(answer) + "\n").encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
