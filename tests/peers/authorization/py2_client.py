"""The Python SDK's client against the protected server: registers, has the user asked, calls, refreshes, steps up.
`py2_client.py URL [MODE]`."""

import asyncio
import sys
import time
import urllib.parse
import warnings

import httpx2
from mcp import Client
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientMetadata

from agree import agree

warnings.simplefilter("ignore")
REDIRECT = "http://127.0.0.1:9/callback"


class Memory:
    tokens = client = None

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return self.client

    async def set_client_info(self, client):
        self.client = client


async def main(url, mode):
    pages = []

    async def visit(page):
        pages.append(page)

    async def came_back():
        sent_to = await asyncio.to_thread(agree, pages[-1], REDIRECT)
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(sent_to).query))
        return AuthorizationCodeResult(code=query["code"], state=query["state"], iss=query.get("iss"))

    about = OAuthClientMetadata(
        client_name="py2", redirect_uris=[REDIRECT], token_endpoint_auth_method="none",
        grant_types=["authorization_code", "refresh_token"], response_types=["code"], application_type="native",
    )
    auth = OAuthClientProvider(url, about, Memory(), redirect_handler=visit, callback_handler=came_back)
    async with httpx2.AsyncClient(auth=auth, timeout=30) as http:
        async with Client(streamable_http_client(url, http_client=http), mode=mode) as client:

            async def call(tool, arguments):
                result = await client.call_tool(tool, arguments)
                text = result.content[0].text
                assert not result.is_error, text
                return text

            assert await call("who", {}) == "ali may notes", "the first call"
            time.sleep(4)
            assert await call("who", {}) == "ali may notes", "the call after the token has ended"
            assert len(pages) == 1, "it was refreshed without a page"
            await call("add_note", {"text": "by python"})
            assert len(pages) == 2, "the user was asked for more"
            assert await call("who", {}) == "ali may notes notes:write", "the last call"
            revision = client.session.protocol_version
    print("registered, authorized, called, refreshed, stepped up:", revision)


asyncio.run(main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "auto"))
