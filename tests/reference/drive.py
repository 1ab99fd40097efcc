"""Drives a server that has the face of the reference server with the reference client, pydantic_ai.mcp.

usage: drive.py SERVER, a program or the URL of one that runs; one that ends in /sse is of 2024-11-05
needs: pip install 'pydantic-ai-slim[mcp]==1.46.0' 'mcp==1.25.0' 'pydantic<2.13'
Prints a line for each check and exits non-zero when one fails."""
import asyncio
import sys
import time

from mcp import types
from pydantic_ai import BinaryContent, ModelRetry
from pydantic_ai.mcp import MCPServerSSE, MCPServerStdio, MCPServerStreamableHTTP
from pydantic_ai.models.test import TestModel

TOOLS = """celsius_to_fahrenheit get_weather_forecast get_image_resource get_image_resource_link get_audio_resource
get_audio_resource_link get_product_name get_product_name_link get_image get_dict get_unstructured_dict get_error get_none
get_multiple_items get_log_level echo_deps use_sampling get_client_info use_elicitation enable_hidden_tool""".split()
DICT = {"foo": "bar", "baz": 123}
failed = 0


def check(name, seen, wanted):
    global failed
    good = wanted(seen) if callable(wanted) else seen == wanted
    failed += not good
    print("ok" if good else f"FAILED, got {seen!r}", name)


async def refused(call):
    try:
        return await call
    except ModelRetry as error:
        return f"retry: {error}"


def binary(media_type):
    return lambda value: isinstance(value, BinaryContent) and value.media_type == media_type and len(value.data) > 100


async def elicit(context, params):
    return types.ElicitResult(action="accept", content={"response": f"yes to {params.message}"})


# The client keeps the list until it hears that it changed, and over HTTP nothing orders that notice, which comes on a
# stream of its own, with the answer of the call that made the change.
async def listed_until(server, awaited):
    deadline = time.monotonic() + 20
    while awaited not in (names := [tool.name for tool in await server.list_tools()]) and time.monotonic() < deadline:
        await asyncio.sleep(0.01)
    return names


async def tools(server):
    listed = await server.list_tools()
    check("twenty tools in their order", [tool.name for tool in listed], TOOLS)
    check("a title", listed[0].annotations.title, "Celsius to Fahrenheit")
    check("a description", listed[0].description, lambda text: text.startswith("Convert Celsius to Fahrenheit."))
    call = server.direct_call_tool
    check("celsius", await call("celsius_to_fahrenheit", {"celsius": 0}), 32.0)
    check("forecast", await call("get_weather_forecast", {"location": "Lima"}), "The weather in Lima is sunny and 26 degrees Celsius.")
    check("image resource", await call("get_image_resource", {}), binary("image/jpeg"))
    check("image link", await call("get_image_resource_link", {}), binary("image/jpeg"))
    check("audio resource", await call("get_audio_resource", {}), binary("audio/mpeg"))
    check("audio link", await call("get_audio_resource_link", {}), binary("audio/mpeg"))
    check("product name", await call("get_product_name", {}), "Pydantic AI")
    check("product name link", await call("get_product_name_link", {}), "Pydantic AI\n")
    check("image", await call("get_image", {}), binary("image/jpg"))
    check("dict", await call("get_dict", {}), DICT)
    check("unstructured dict", await call("get_unstructured_dict", {}), DICT)
    check("no error", await call("get_error", {"value": True}), "This is not an error")
    check("error", await refused(call("get_error", {})), "retry: Error executing tool get_error: This is an error. Call the tool with True instead")
    check("none", await call("get_none", {}), [])
    items = await call("get_multiple_items", {})
    check("several items", items[:3], ["This is a string", "Another string", DICT])
    check("the last of them", items[3], binary("image/jpg"))
    check("unknown tool", await refused(call("no_such_tool", {})), "retry: Unknown tool: no_such_tool")
    check("bad arguments", await refused(call("celsius_to_fahrenheit", {"celsius": "hot"})), lambda text: text.startswith("retry: "))
    check("log level", await call("get_log_level", {}), "info")
    check("deps", await call("echo_deps", {}, {"deps": {"a": 1}}), {"echo": "This is an echo message", "deps": {"a": 1}})
    check("no deps", await refused(call("echo_deps", {})), lambda text: str(text).startswith("retry: "))
    check("sampling", await call("use_sampling", {"foo": "bar"}), {
        "_meta": None, "role": "assistant", "model": "test", "stopReason": None,
        "content": {"type": "text", "text": "sampled", "annotations": None, "_meta": None}})
    check("client info", await call("get_client_info", {}), {"name": "driver", "version": "7", "title": "Driver", "websiteUrl": None})
    check("elicitation", await call("use_elicitation", {"question": "Sure?"}), "User responded: yes to Sure?")
    check("hidden tool", await call("enable_hidden_tool", {}), "Hidden tool enabled")
    check("is listed last", await listed_until(server, "hidden_tool"), [*TOOLS, "hidden_tool"])
    check("and can be called", await call("hidden_tool", {}), "I was hidden!")


async def resources(server):
    listed = await server.list_resources()
    check("three resources", [(r.name, str(r.uri), r.mime_type, r.description) for r in listed], [
        ("kiwi_resource", "resource://kiwi.jpg", "image/jpeg", ""), ("marcelo_resource", "resource://marcelo.mp3", "audio/mpeg", ""),
        ("product_name_resource", "resource://product_name.txt", "text/plain", "")])
    check("for everybody", listed[2].annotations.audience, ["user", "assistant"])
    templates = await server.list_resource_templates()
    check("a template", [(t.name, t.uri_template) for t in templates], [("greeting_resource_template", "resource://greeting/{name}")])
    check("a text", await server.read_resource("resource://product_name.txt"), "Pydantic AI\n")
    check("a greeting", await server.read_resource("resource://greeting/Ada"), "Hello, Ada!")
    check("a picture", await server.read_resource("resource://kiwi.jpg"), binary("image/jpeg"))


def connect(server, **options):
    if not server.startswith("http"):
        return MCPServerStdio(server, [], timeout=20, **options)
    kind = MCPServerSSE if server.endswith("/sse") else MCPServerStreamableHTTP
    return kind(server, timeout=20, **options)


async def main(command):
    logs = []

    async def log(params):
        logs.append((params.level, params.data))

    server = connect(
        command, log_level="info", log_handler=log, elicitation_callback=elicit,
        client_info=types.Implementation(name="driver", version="7", title="Driver"))
    server.sampling_model = TestModel(custom_output_text="sampled")
    async with server:
        check("name", server.server_info.name, "Pydantic AI MCP Server")
        check("instructions", server.instructions, "Be a helpful assistant.")
        can = server.capabilities
        check("capabilities", (can.tools, can.resources, can.prompts, can.logging, can.completions), (True, True, True, True, False))
        await tools(server)
        await resources(server)
        check("logs", logs[0], ("info", "this is a log message"))
    refusing = connect(command, allow_sampling=False)
    async with refusing:
        check("no log level", await refusing.direct_call_tool("get_log_level", {}), "unset")
        check("no sampling", await refused(refusing.direct_call_tool("use_sampling", {"foo": "bar"})),
              "retry: Error executing tool use_sampling: Sampling not supported")
        check("no elicitation", await refused(refusing.direct_call_tool("use_elicitation", {"question": "?"})),
              "retry: Error executing tool use_elicitation: Elicitation not supported")


asyncio.run(main(sys.argv[1]))
print(f"{failed} failed")
sys.exit(bool(failed))
