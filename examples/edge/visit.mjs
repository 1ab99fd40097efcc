// A host of the module, and what it has to answer: node visit.mjs MODULE
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';

const module = await WebAssembly.compile(await readFile(process.argv[2]));

// Whoever imports nothing can ask for no time, no random number and nothing else.
assert.deepEqual(WebAssembly.Module.imports(module), []);

/** Answers one request, in an instance of its own unless there is one. */
async function ask(method, headers, body, instance) {
  instance ??= await WebAssembly.instantiate(module, {});
  const { memory, room, answer, done } = instance.exports;
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\n`);
  const request = new TextEncoder().encode(`${method} /mcp\n${lines.join('')}\n${body}`);
  const place = room(request.length);
  new Uint8Array(memory.buffer, place, request.length).set(request);
  const said = answer(place, request.length);
  const length = new DataView(memory.buffer).getUint32(said, true);
  const text = new TextDecoder().decode(new Uint8Array(memory.buffer, said + 4, length));
  done(said);
  const end = text.indexOf('\n\n');
  const [status, ...fields] = text.slice(0, end).split('\n');
  return {
    status: Number(status),
    headers: new Headers(fields.map((field) => field.split(': '))),
    body: text.slice(end + 2),
  };
}

/** A modern request as a client sends it; `change` alters its headers and its message. */
function modern(method, params = {}, change = () => {}) {
  const meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientCapabilities': { elicitation: { form: {} } },
  };
  const headers = {
    host: 'edge.example',
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': method,
    ...(params.name && { 'mcp-name': params.name }),
  };
  const message = { jsonrpc: '2.0', id: 7, method, params: { ...params, _meta: meta } };
  change(headers, message);
  return [headers, JSON.stringify(message)];
}

const post = (...request) => ask('POST', ...modern(...request));
const call = (name, args, more = {}, change) => post('tools/call', { name, arguments: args, ...more }, change);

async function json(asked, status = 200) {
  const reply = await asked;
  assert.equal(reply.status, status, reply.body);
  assert.equal(reply.headers.get('content-type'), 'application/json');
  return JSON.parse(reply.body);
}

const checks = {
  async 'a list names the tools'() {
    const { id, result } = await json(post('tools/list'));
    assert.equal(id, 7);
    assert.deepEqual(result.tools.map((tool) => tool.name), ['sum', 'greet']);
  },

  async 'a call is answered'() {
    const { result } = await json(call('sum', { numbers: [20, 22] }));
    assert.equal(result.content[0].text, '42');
  },

  async 'progress comes as events before the answer'() {
    const reply = await call('sum', { numbers: [1, 2, 3] }, {}, (_, message) => {
      message.params._meta.progressToken = 'p';
    });
    assert.equal(reply.headers.get('content-type'), 'text/event-stream');
    const events = reply.body.split('\n\n').filter(Boolean).map((event) => JSON.parse(event.replace(/^data: /, '')));
    assert.equal(events[0].method, 'notifications/progress');
    assert.equal(events.at(-1).result.content[0].text, '6');
  },

  async 'a tool that asks is answered in a second request, by another instance'() {
    const { result } = await json(call('greet', {}));
    assert.equal(result.resultType, 'input_required');
    const [key] = Object.keys(result.inputRequests);
    const inputResponses = { [key]: { action: 'accept', content: { name: 'Ada' } } };
    const again = await json(call('greet', {}, { inputResponses, requestState: result.requestState }));
    assert.equal(again.result.content[0].text, 'Hello, Ada!');
  },

  async 'a tool that fails says so in its result'() {
    const { result } = await json(call('sum', { numbers: [2 ** 53, 2 ** 62, 2 ** 62, 2 ** 62] }));
    assert.equal(result.isError, true);
  },

  async 'errors have the status of their kind'() {
    assert.equal((await json(call('nothing', {}))).error.code, -32602);
    assert.equal((await json(post('no/such/method'), 404)).error.code, -32601);
    const [headers] = modern('tools/list');
    assert.equal((await json(ask('POST', headers, '{"jsonrpc"'), 400)).error.code, -32700);
  },

  async 'a request is refused by its head'() {
    const refused = async (status, change) => {
      const reply = await post('tools/list', {}, change);
      assert.equal(reply.status, status, reply.body);
      return JSON.parse(reply.body).error.code;
    };
    await refused(403, (headers) => { headers.host = 'evil.example'; });
    await refused(403, (headers) => { headers.origin = 'https://evil.example'; });
    await refused(415, (headers) => { headers['content-type'] = 'text/plain'; });
    await refused(406, (headers) => { headers.accept = 'text/html'; });
    await refused(413, (headers) => { headers['content-length'] = String(1 << 30); });
    assert.equal(await refused(400, (headers) => { headers['mcp-method'] = 'tools/call'; }), -32020);
    const get = await ask('GET', modern('tools/list')[0], '');
    assert.deepEqual([get.status, get.headers.get('allow')], [405, 'POST']);
  },

  async 'an instance that is kept grows no further'() {
    const instance = await WebAssembly.instantiate(module, {});
    const request = modern('tools/call', { name: 'sum', arguments: { numbers: [1, 2] } });
    const pages = async (times) => {
      for (let at = 0; at < times; at += 1) await ask('POST', ...request, instance);
      return instance.exports.memory.buffer.byteLength;
    };
    assert.equal(await pages(100), await pages(2000));
  },
};

for (const [name, check] of Object.entries(checks)) {
  await check();
  console.log(`ok: ${name}`);
}
