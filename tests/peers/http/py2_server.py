"""A server on the Python SDK 2 over Streamable HTTP, as it comes. usage: py2_server.py PORT"""
import sys

from mcp.server.mcpserver import MCPServer

app = MCPServer("py2-fixture", version="0", log_level="ERROR")


@app.tool()
def echo() -> str:
    return "echo"


app.run("streamable-http", host="127.0.0.1", port=int(sys.argv[1]))
