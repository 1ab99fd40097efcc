// A server on the TypeScript SDK 2, both eras at one path, put together as its documentation has it: the guards of
// its Node package, the handler for requests of 2026, sessions for those before. usage: ts2_server.mjs PORT
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { Readable } from 'node:stream';
import { localhostHostValidation, localhostOriginValidation, toNodeHandler, toWebRequest } from '@modelcontextprotocol/node';
import { createMcpHandler, isLegacyRequest, McpServer, WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/server';

function server() {
  const server = new McpServer({ name: 'ts2-fixture', version: '0' });
  server.registerTool('echo', {}, async () => ({ content: [{ type: 'text', text: 'echo' }] }));
  return server;
}

const sessions = new Map();
async function legacy(request) {
  const known = sessions.get(request.headers.get('mcp-session-id'));
  if (known) return known.handleRequest(request);
  if (request.headers.has('mcp-session-id')) return new Response('no such session', { status: 404 });
  const transport = new WebStandardStreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    onsessioninitialized: (id) => sessions.set(id, transport),
    onsessionclosed: (id) => sessions.delete(id),
  });
  await server().connect(transport);
  return transport.handleRequest(request);
}

const modern = createMcpHandler(server, { legacy: 'reject' });
const handler = toNodeHandler({
  fetch: async (request) => ((await isLegacyRequest(request)) ? legacy(request) : modern.fetch(request)),
});
const guards = [localhostHostValidation(), localhostOriginValidation()];
createServer(async (request, response) => {
  if (!guards.every((guard) => guard(request, response))) return;
  if (request.method !== 'GET') return handler(request, response);
  // The adapter keeps the head of a stream back until its first event.
  const answer = await legacy(await toWebRequest(request));
  response.writeHead(answer.status, Object.fromEntries(answer.headers)).flushHeaders();
  Readable.fromWeb(answer.body).on('error', () => response.destroy()).pipe(response);
}).listen(Number(process.argv[2]), '127.0.0.1');
