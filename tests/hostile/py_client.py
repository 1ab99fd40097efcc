#!/usr/bin/env python3
"""The hostile servers of servers.jsonl, each met by the client of the Python SDK 2.3; prints a table in Markdown.

    ~/.cache/mcp-peers/py2/bin/python py_client.py [CASE...]
"""
import json
import logging
import os
import sys
import warnings

import anyio
from mcp import Client, StdioServerParameters

warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)
HERE = os.path.dirname(os.path.abspath(__file__))
MODES = {"legacy": "legacy", "modern": "2026-07-28"}
PATIENCE = 4


def word(error):
    while isinstance(error, BaseExceptionGroup) and error.exceptions:
        error = error.exceptions[0]
    code = getattr(getattr(error, "error", None), "code", None)
    return f"{type(error).__name__}" + (f" {code}" if code is not None else "")


async def ask(client, on):
    """What becomes of the request that the case is about."""
    try:
        with anyio.fail_after(PATIENCE):
            if on == "list":
                await client.list_tools()
                return "ok"
            result = await client.call_tool("x", {})
            return "wrong" if "wrong" in result.model_dump_json() else "ok"
    except TimeoutError:
        return "waits"
    except Exception as error:
        return word(error)


async def meet(case, era):
    server = StdioServerParameters(command=sys.executable, args=[os.path.join(HERE, "server.py"), case["name"], era])
    became, after = "waits", ""
    with anyio.move_on_after(4 * PATIENCE):
        try:
            async with Client(server, mode=MODES[era]) as client:
                became = "opened" if case["on"] == "open" else await ask(client, case["on"])
                after = ", then " + await ask(client, "call")
        except Exception as error:
            became = became if after else word(error)
    return became + ("" if after == ", then ok" else after)


async def main(names):
    with open(os.path.join(HERE, "servers.jsonl"), encoding="utf-8") as lines:
        cases = [case for case in map(json.loads, lines) if not names or case["name"] in names]
    found = {}

    async def one(case, era, turn):
        async with turn:
            found[case["name"], era] = await meet(case, era)

    turn = anyio.Semaphore(2)
    async with anyio.create_task_group() as group:
        for case in cases:
            for era in MODES:
                if case["era"] in (era, "both"):
                    group.start_soon(one, case, era, turn)
    print("| Case | Kind | Here | Python, 2025-11-25 | Python, 2026-07-28 |\n|---|---|---|---|---|")
    for case in cases:
        by_era = " | ".join(found.get((case["name"], era), "") for era in MODES)
        here = case["expect"] + ("" if case.get("alive", True) else ", the end")
        print(f"| {case['name']} | {case['cat']} | {here} | {by_era} |")


anyio.run(main, sys.argv[1:])
