// `statewire serve demo`: that it serves what it lists, with the seed it prints, and how it ends.
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { countResources } from '../testing/leftovers.ts';
import { TestIo } from './test-io.ts';

async function serve(...argv: string[]) {
  const io = new TestIo();
  const ended = io.run('serve', 'demo', '--port', '0', ...argv);
  await io.stdout.shows('statewire connect');
  const url = /^http:\/\/\S+/.exec(io.stdout.text)?.[0] ?? '';
  const seed = /Seed +(\d+)/.exec(io.stdout.text)?.[1] ?? '';
  return { io, ended, url, seed };
}

async function listen(url: string, path: string): Promise<WebSocket> {
  const socket = new WebSocket(url.replace('http', 'ws') + path);
  onTestFinished(() => socket.terminate());
  await once(socket, 'open');
  return socket;
}

/** The symbols of the stocks, to the end of the stream. */
async function symbolsOf(url: string): Promise<readonly string[]> {
  const text = await (await fetch(`${url}/sse/stocks`)).text();
  return Array.from(text.matchAll(/^id: (.*)$/gm), ([, id = '']) => id);
}

test('serves until Ctrl-C, says where, and leaves nothing behind', async () => {
  const isTidy = await countResources();
  const { io, ended, url } = await serve('--quiet', '--seed', '42');
  const ws = url.replace('http', 'ws');

  expect(io.stdout.lines).toEqual([
    `${url}  A demo server; open it in a browser; Ctrl-C ends it.`,
    '',
    `  WebSocket  ${ws}/ws/echo`,
    `             ${ws}/ws/chat`,
    `             ${ws}/ws/stream`,
    `             ${ws}/ws/benchmark`,
    `             ${ws}/ws/chat/:room`,
    `             ${ws}/ws/client/:client_id`,
    `             ${ws}/ws/json`,
    `             ${ws}/ws/binary`,
    `             ${ws}/ws/counter`,
    `             ${ws}/ws/iterate`,
    `             ${ws}/ws/uppercase`,
    `             ${ws}/ws/reverse`,
    `  SSE        ${url}/sse/time`,
    `             ${url}/sse/metrics`,
    `             ${url}/sse/stocks`,
    `             ${url}/sse/logs`,
    '',
    '  Seed       42  With --seed the data is the same again.',
    '',
    `  statewire connect ${ws}/ws/echo`,
  ]);
  io.signal('SIGINT');

  expect(await ended).toBe(0);
  expect(io.stderr.text).toBe('');
  expect(io.handlers).toBe(0);
  await expect(fetch(url)).rejects.toThrow();
  await isTidy();
});

test('serves the page', async () => {
  const { io, ended, url } = await serve('--quiet');
  const page = await fetch(url);
  expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
  await page.text();
  io.signal('SIGINT');
  await ended;
});

test('each start has a seed of its own, which gives the same data again', async () => {
  const one = await serve('--quiet', '--pace', '0');
  const other = await serve('--quiet', '--pace', '0');
  const again = await serve('--quiet', '--pace', '0', '--seed', one.seed);
  const all = [one, other, again];
  const [first, second, third] = await Promise.all(all.map(({ url }) => symbolsOf(url)));
  expect(first).toHaveLength(1_020);
  expect(third).toEqual(first);
  expect(second).not.toEqual(first);
  for (const { io } of all) io.signal('SIGINT');
  await Promise.all(all.map(({ ended }) => ended));
});

test('tells of connections, says goodbye to them, and ends', async () => {
  const { io, ended, url } = await serve();
  const socket = await listen(url, '/ws/echo');
  const closed = once(socket, 'close') as Promise<[code: number, reason: Buffer]>;
  io.signal('SIGTERM');

  const [code, reason] = await closed;
  expect([code, reason.toString()]).toEqual([1001, 'Server shutting down']);
  expect(await ended).toBe(143);
  expect(io.stderr.lines).toEqual([
    expect.stringMatching(/^statewire: Asked for a session {2}id [\w-]{36} {2}route \/ws\/echo$/),
    'statewire: Ending with 1 connection. Ctrl-C ends at once.',
    expect.stringMatching(
      /^statewire: Session ended {2}id [\w-]{36} {2}route \/ws\/echo {2}closeCode 1001 {2}cause \w+/,
    ),
  ]);
});

test('a second Ctrl-C ends the process at once', async () => {
  const { io, ended, url } = await serve('--quiet');
  const socket = await listen(url, '/ws/chat');
  // Answers no close frame.
  socket.pause();
  io.signal('SIGINT');
  await io.stderr.shows('Ending with 1 connection. Ctrl-C ends at once.');
  io.signal('SIGINT');

  expect(io.exits).toEqual([130]);
  socket.terminate();
  await ended;
});

test('event streams end at once, in the middle of a pause', async () => {
  const { io, ended, url } = await serve('--quiet', '--pace', '100000');
  const { body } = await fetch(`${url}/sse/metrics`);
  const reader = body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  while (!text.includes('id: 1\n')) text += (await reader.read()).value ?? '';
  io.signal('SIGINT');

  expect(await ended).toBe(0);
  await reader.closed;
});

test('says which port is taken', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  onTestFinished(() => void other.close());
  const { port } = other.address() as AddressInfo;
  const io = new TestIo();

  expect(await io.run('serve', 'demo', '--port', String(port))).toBe(2);
  expect(io.stderr.lines).toEqual([
    `statewire: Port ${port} is taken.`,
    '           Give another one with --port, or 0 for any that is free.',
  ]);
});

test('says that others reach it, where they do', async () => {
  const { io, ended } = await serve('--quiet', '--host', '0.0.0.0');
  await io.stderr.shows('Everybody who reaches this address may use it.');
  io.signal('SIGINT');
  expect(await ended).toBe(0);
});

test.each([
  [
    ['--seed', 'x'],
    "Option '--seed <number>' argument 'x' is invalid. Expected a whole number of at least 0.",
  ],
  [
    ['--seed', '-1'],
    "Option '--seed <number>' argument '-1' is invalid. Expected a whole number of at least 0.",
  ],
  [
    ['--seed', '1.5'],
    "Option '--seed <number>' argument '1.5' is invalid. Expected a whole number of at least 0.",
  ],
  [['--pace', '-1'], "Option '--pace <factor>' argument '-1' is invalid. Expected a number of at least 0."],
  [
    ['--pace', 'fast'],
    "Option '--pace <factor>' argument 'fast' is invalid. Expected a number of at least 0.",
  ],
])('%j is wrong usage', async (argv, what) => {
  const io = new TestIo();

  expect(await io.run('serve', 'demo', ...argv)).toBe(2);
  expect(io.stdout.text).toBe('');
  expect(io.stderr.lines).toEqual([`statewire: ${what}`, '           See: statewire serve demo --help']);
});

test('serve demo --help explains it in lines that fit', async () => {
  const io = new TestIo();

  expect(await io.run('serve', 'demo', '--help')).toBe(0);
  expect(io.stdout.text).toMatch(/^Usage: statewire serve demo/);
  expect(io.stdout.lines.filter((line) => line.length > 100)).toEqual([]);
  expect(io.stderr.text).toBe('');
});
