"""Visits the example: other routes, the bearer token, a call, and a long one that is answered at the end.

usage: visit.py URL CERTIFICATE"""
import json
import ssl
import sys
import urllib.error
import urllib.request

url, certificate = sys.argv[1:]
trusted = ssl.create_default_context(cafile=certificate)
META = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}


def call(tool, arguments, token="open sesame"):
    params = {"name": tool, "arguments": arguments, "_meta": META}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    headers = {"content-type": "application/json", "accept": "application/json, text/event-stream", "mcp-method": "tools/call",
               "mcp-name": tool, "mcp-protocol-version": "2026-07-28", "authorization": f"Bearer {token}"}
    request = urllib.request.Request(f"{url}/mcp", json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, context=trusted, timeout=20) as response:
            text = response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code
    # An answer alone is JSON; one that took its time is the last of a stream of events.
    answer = text if text.startswith("{") else [line[6:] for line in text.splitlines() if line.startswith("data: ")][-1]
    return json.loads(answer)["result"]["content"][0]["text"]


with urllib.request.urlopen(url, context=trusted, timeout=20) as page:
    assert b"/mcp" in page.read()
assert call("who", {}, token="wrong") == 401
assert call("who", {}) == "ali"
assert call("nap", {"seconds": 2}) == "Good morning"
print("the server beside other routes is as it should be")
