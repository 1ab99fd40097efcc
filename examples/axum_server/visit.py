"""Visits the example over HTTP/1.1 and HTTP/2: other routes, the bearer token, a call, and a long one that is answered at the end.

usage: visit.py URL CERTIFICATE"""
import json
import ssl
import subprocess
import sys
import urllib.error
import urllib.request

url, certificate = sys.argv[1:]
trusted = ssl.create_default_context(cafile=certificate)
META = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}


def asked(tool, arguments, token="open-sesame"):
    params = {"name": tool, "arguments": arguments, "_meta": META}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    headers = {"content-type": "application/json", "accept": "application/json, text/event-stream", "mcp-method": "tools/call",
               "mcp-name": tool, "mcp-protocol-version": "2026-07-28", "authorization": f"Bearer {token}"}
    return json.dumps(body), headers


def said(text):
    # An answer alone is JSON; one that took its time is the last of a stream of events.
    answer = text if text.startswith("{") else [line[6:] for line in text.splitlines() if line.startswith("data: ")][-1]
    return json.loads(answer)["result"]["content"][0]["text"]


def call(*arguments, **options):
    body, headers = asked(*arguments, **options)
    request = urllib.request.Request(f"{url}/mcp", body.encode(), headers)
    try:
        with urllib.request.urlopen(request, context=trusted, timeout=20) as response:
            return said(response.read().decode())
    except urllib.error.HTTPError as error:
        return error.code


def call_over_http2(*arguments, host=None, **options):
    body, headers = asked(*arguments, **options)
    # Over HTTP/2 the host is no header of its own.
    headers |= {"host": host} if host else {}
    command = ["curl", "--silent", "--http2", "--cacert", certificate, "--max-time", "20", "--data", body,
               "--write-out", "\n%{http_version} %{http_code}", f"{url}/mcp"]
    for name, value in headers.items():
        command += ["--header", f"{name}: {value}"]
    text, _, end = subprocess.run(command, check=True, capture_output=True, text=True).stdout.rpartition("\n")
    version, status = end.split()
    assert version == "2", end
    return said(text) if status == "200" else int(status)


with urllib.request.urlopen(url, context=trusted, timeout=20) as page:
    assert b"/mcp" in page.read()
with urllib.request.urlopen(f"{url}/.well-known/oauth-protected-resource/mcp", context=trusted, timeout=20) as metadata:
    assert json.load(metadata)["resource"] == f"{url}/mcp"
for how in [call, call_over_http2]:
    assert how("who", {}, token="wrong") == 401
    assert how("who", {}) == "ali"
    assert how("nap", {"seconds": 2}) == "Good morning"
assert call_over_http2("who", {}, host="evil.example") == 403
print("the server beside other routes is as it should be")
