// Opens the page in headless Chromium and does what a person would: node visit.mjs PAGE_URL [CHROMIUM]
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const [url, program = 'chromium'] = process.argv.slice(2);
const profile = await mkdtemp(join(tmpdir(), 'web-'));
const browser = spawn(program, ['--headless', '--no-sandbox', '--disable-gpu', '--remote-debugging-pipe',
  `--user-data-dir=${profile}`, 'about:blank'], { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
browser.on('error', (error) => { throw error; });

// Its protocol: JSON on two pipes, each message ended by a zero byte.
const waiting = new Map();
let text = '';
let last = 0;
browser.stdio[4].setEncoding('utf8').on('data', (piece) => {
  const messages = (text + piece).split('\0');
  text = messages.pop();
  for (const { id, result, error } of messages.map((message) => JSON.parse(message))) {
    if (error) waiting.get(id)?.reject(new Error(error.message));
    else waiting.get(id)?.resolve(result);
  }
});
function command(method, params = {}, sessionId = undefined) {
  const id = ++last;
  browser.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
  return new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
}

/** A page that is open, in which expressions can be evaluated. */
async function open(address) {
  const { targetId } = await command('Target.createTarget', { url: address });
  const { sessionId } = await command('Target.attachToTarget', { targetId, flatten: true });
  return async (expression) => {
    const params = { expression, returnByValue: true, awaitPromise: true };
    const { result, exceptionDetails } = await command('Runtime.evaluate', params, sessionId);
    assert.equal(exceptionDetails, undefined, JSON.stringify(exceptionDetails));
    return result.value;
  };
}

/** What the expression says once it satisfies `wanted`. */
async function until(page, expression, wanted) {
  const end = Date.now() + 20_000;
  for (;;) {
    const value = await page(expression);
    if (wanted(value)) return value;
    assert.ok(Date.now() < end, `${expression} is still ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const text_of = (selector) => `document.querySelector('${selector}')?.textContent ?? ''`;
const said = text_of('#count output');
const start = (to) => `{
  const form = document.querySelector('#count');
  form.querySelector('input').value = '${to}';
  form.querySelector('button').click();
}`;

try {
  const page = await open(url);
  await until(page, text_of('#server'), (shown) => shown === 'What counter can do');
  assert.equal(await page(text_of('#count h2')), 'Count');
  console.log('ok: the page lists the tools');

  await page(start(3));
  await until(page, said, (shown) => /^[123] of 3$/.test(shown));
  assert.equal(await until(page, said, (shown) => shown.startsWith('counted')), 'counted to 3');
  assert.equal(await page(`document.querySelector('#count progress').value`), 3);
  console.log('ok: a call shows its progress and its result');

  await page(start(1000));
  await until(page, said, (shown) => shown === '2 of 1000');
  await page(`document.querySelector('#count button[type=button]').click()`);
  await until(page, said, (shown) => shown === 'cancelled');
  console.log('ok: a call is cancelled');

  // The same page from elsewhere: `127.0.0.1` is another origin than `localhost`.
  const foreign = await open(url.replace('localhost', '127.0.0.1'));
  await until(foreign, text_of('#server'), (shown) => shown.startsWith('There is no speaking to the server'));
  console.log('ok: a page of another origin is not let in');
} finally {
  const ended = new Promise((resolve) => browser.on('exit', resolve));
  await Promise.race([command('Browser.close').catch(() => {}), ended]);
  browser.kill();
  await ended;
  await rm(profile, { recursive: true, force: true, maxRetries: 5 });
}
