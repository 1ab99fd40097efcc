#!/usr/bin/env python3
"""Uses all of the comparison server (five tools, a resource, a template, a prompt with completion) from the Python SDK 2.3.

    visit.py legacy|2026-07-28 CMD [ARG...]
"""
import sys
import warnings

import anyio
import mcp.types as t
from mcp import Client, StdioServerParameters

warnings.simplefilter("ignore")


async def write(_, params):
    about = params.messages[0].content.text
    text = t.TextContent(type="text", text=f"{about}, in {params.max_tokens} tokens")
    return t.CreateMessageResult(role="assistant", content=text, model="a model")


async def fill_in(_, params):
    names = params.requested_schema["properties"]
    return t.ElicitResult(action="accept", content={name: "large" for name in names})


def is_equal(what, got, wanted):
    assert got == wanted, f"{what}: {got!r}, not {wanted!r}"
    print(f"  {what}: {got}")


async def visit(mode, command):
    server = StdioServerParameters(command=command[0], args=command[1:])
    async with Client(server, mode=mode, sampling_callback=write, elicitation_callback=fill_in) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        is_equal("tools", sorted(tools), ["add", "count", "order", "poem", "weather"])
        assert all(tool.description for tool in tools.values()), "a tool without a description"
        assert tools["weather"].output_schema, "no schema of what weather returns"

        async def text_of(name, arguments, **more):
            result = await client.call_tool(name, arguments, **more)
            assert not result.is_error, result
            return result.content[0].text

        is_equal("add", float(await text_of("add", {"a": 2, "b": 40})), 42.0)
        weather = (await client.call_tool("weather", {"city": "Lima"})).structured_content
        is_equal("weather", weather, {"celsius": 4.0, "sky": "clear"})
        steps = []

        async def step(progress, total, message):
            steps.append((progress, total))

        is_equal("count", await text_of("count", {"to": 3}, progress_callback=step), "Counted to 3.")
        is_equal("progress", steps, [(1.0, 3.0), (2.0, 3.0), (3.0, 3.0)])
        is_equal("order", await text_of("order", {"item": "tea"}), "A large tea")
        is_equal("poem", await text_of("poem", {"about": "foxes"}), "A poem about foxes, in 100 tokens")
        bad = await client.call_tool("add", {"a": 2})
        assert bad.is_error, bad

        is_equal("resources", [str(one.uri) for one in (await client.list_resources()).resources], ["notes://today"])
        templates = (await client.list_resource_templates()).resource_templates
        is_equal("templates", [one.uri_template for one in templates], ["notes://{day}"])
        for uri, wanted in [("notes://today", "Nothing."), ("notes://monday", "Nothing on monday.")]:
            is_equal(uri, (await client.read_resource(uri)).contents[0].text, wanted)

        (prompt,) = (await client.list_prompts()).prompts
        arguments = {one.name: bool(one.required) for one in prompt.arguments}
        is_equal("prompt", (prompt.name, arguments), ("greet", {"name": True, "language": False}))
        greeting = await client.get_prompt("greet", {"name": "Ann", "language": "French"})
        is_equal("greet", greeting.messages[0].content.text, "Greet Ann in French.")
        completed = await client.complete(t.PromptReference(name="greet"), {"name": "language", "value": "Fr"})
        is_equal("completion", completed.completion.values, ["French"])


anyio.run(visit, sys.argv[1], sys.argv[2:])
