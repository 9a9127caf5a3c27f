// `statewire connect` in a pipe, against a server that does nothing of its own accord.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { PuppetServer } from '../../src/testing/puppet-server.ts';
import { until } from '../../src/testing/wait.ts';
import { TestIo } from './test-io.ts';

/** Retries after milliseconds: a maximum below the first wait replaces it. */
const SOON = ['--retry-max-delay', '0.005'];

async function listen(): Promise<PuppetServer> {
  const server = await PuppetServer.listen();
  onTestFinished(() => server.close());
  return server;
}

async function connect(...options: string[]) {
  const server = await listen();
  const io = new TestIo();
  const ended = io.run('connect', server.url, ...options);
  const socket = await server.accept();
  return { server, io, ended, socket };
}

function temporaryFile(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'statewire-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'file');
  writeFileSync(path, text);
  return path;
}

const inOrder = (length: number) => Array.from({ length }, (_, number) => `line ${number}`);

describe('messages', () => {
  test('sends each line, prints each message, and closes with 1000 at the end of the input', async () => {
    const { io, ended, socket } = await connect();

    io.stdin.write('one\n\ntwo');
    expect(await socket.nextFrame()).toBe('one');
    expect(await socket.nextFrame()).toBe('');
    socket.send('first');
    socket.send('second\nline');
    await io.stdout.shows('line\n');
    io.stdin.end();

    expect(await socket.nextFrame()).toBe('two');
    expect(await socket.closed()).toEqual({ code: 1000, reason: '' });
    expect(await ended).toBe(0);
    expect(io.stdout.text).toBe('first\nsecond\nline\n');
    expect(io.handlers).toBe(0);
  });

  test('sends more lines than may wait, all of them and in order', async () => {
    const { io, ended, socket } = await connect('--quiet');

    io.stdin.end(inOrder(3_000).join('\n'));

    expect(await ended).toBe(0);
    expect(socket.frames).toEqual(inOrder(3_000));
  });

  test('prints bytes in hexadecimal', async () => {
    const { io, ended, socket } = await connect('--once');
    socket.send(new Uint8Array([0, 10, 255]));
    expect(await ended).toBe(0);
    expect(io.stdout.text).toBe('binary, 3 bytes: 00 0a ff\n');
  });

  test('with --once ends after the first message, although the input goes on', async () => {
    const { io, ended, socket } = await connect('--once');
    io.stdin.write('hi\n');
    await socket.nextFrame();

    socket.send('answer');
    socket.send('too much');

    expect(await ended).toBe(0);
    expect(io.stdout.text).toBe('answer\n');
    expect(await socket.closed()).toEqual({ code: 1000, reason: '' });
  });

  test('with --max-messages waits for so many, although the input has ended', async () => {
    const { io, ended, socket } = await connect('--max-messages', '2');
    io.stdin.end('hi\n');
    await socket.nextFrame();

    socket.send('a');
    await io.stdout.shows('a\n');
    expect(socket.closeReceived).toBeUndefined();
    socket.send('b');

    expect(await ended).toBe(0);
    expect(io.stdout.text).toBe('a\nb\n');
  });

  test('with --listen does not read the input', async () => {
    const { io, ended, socket } = await connect('--listen');
    io.stdin.end('not sent\n');

    socket.send('hello');
    await io.stdout.shows('hello\n');
    expect(socket.frames).toEqual([]);
    expect(socket.closeReceived).toBeUndefined();

    io.signal('SIGINT');
    expect(await ended).toBe(130);
  });

  test('slows the server down while nobody reads the output, and loses nothing', async () => {
    const { io, ended, socket } = await connect('--max-messages', '20000');
    const long = (number: number) => `${number} ${'x'.repeat(1_000)}`;
    io.stdout.hold();

    for (let number = 0; number < 20_000; number += 1) socket.send(long(number));
    const isFlooded = () => io.stdout.writableLength > 2_000_000;
    await expect(until(isFlooded, { timeoutMs: 500 })).rejects.toThrow('in vain');
    io.stdout.release();

    expect(await ended).toBe(0);
    expect(io.stdout.lines).toEqual(Array.from({ length: 20_000 }, (_, number) => long(number)));
  });
});

describe('--json', () => {
  test('sends what was typed if it is JSON, refuses what is not, and indents messages', async () => {
    const { io, ended, socket } = await connect('--json', '--max-messages', '2');

    io.stdin.write('{"id": 12345678901234567890}\n\n{oops}\n"text"\n');
    expect(await socket.nextFrame()).toBe('{"id": 12345678901234567890}');
    expect(await socket.nextFrame()).toBe('"text"');
    socket.send('{"a":[1]}');
    socket.send('no json');

    expect(await ended).toBe(1);
    expect(io.stdout.text).toBe('{\n  "a": [\n    1\n  ]\n}\nno json\n');
    expect(io.stderr.text).toContain(
      'statewire: Not sent, because it is no JSON: {oops}\n           Correct it, or leave --json out',
    );
  });
});

describe('--output json', () => {
  test('prints one object a line, and nothing else anywhere', async () => {
    const { io, ended, socket } = await connect('--output', 'json', '--json', '--max-messages', '3', ...SOON);
    io.stdin.end('[1]\n');
    await socket.nextFrame();
    socket.send('{"a":1}');
    socket.send('text');
    socket.send(new Uint8Array([1, 2]));

    expect(await ended).toBe(0);
    const state = (previous: string, state: string, reason: string) => {
      return { type: 'state', state, previous, reason, attempt: 0, retryInMs: null };
    };
    expect(io.stdout.objects).toEqual([
      state('idle', 'connecting', 'CONNECT_CALLED'),
      state('connecting', 'authenticating', 'CONNECT_CALLED'),
      state('authenticating', 'open', 'HANDSHAKE_ACCEPTED'),
      { type: 'message', data: { a: 1 } },
      { type: 'message', encoding: 'text', data: 'text' },
      { type: 'message', encoding: 'base64', bytes: 2, data: 'AQI=' },
      state('open', 'closing', 'DISCONNECT_CALLED'),
      state('closing', 'closed', 'DISCONNECT_CALLED'),
    ]);
    expect(io.stderr.text).toBe('');
  });

  test('tells why a connection was lost, and why it failed', async () => {
    const { io, ended, socket, server } = await connect('--output', 'json', '--retry', '1', ...SOON);
    socket.close(1011, 'oops');
    (await server.upgrade()).refuse(503);

    expect(await ended).toBe(1);
    expect(io.stdout.objects.slice(3)).toEqual([
      {
        type: 'state',
        ...{ state: 'reconnecting', previous: 'open', reason: 'CLOSED_BY_PEER', attempt: 1, retryInMs: 5 },
        explanation: 'The server closed the connection: received 1011 (internal error, "oops").',
      },
      expect.objectContaining({ state: 'connecting', attempt: 1 }),
      expect.objectContaining({ state: 'failed', reason: 'RETRIES_EXHAUSTED' }),
      {
        type: 'error',
        code: 'RETRIES_EXHAUSTED',
        message:
          'Gave up after 1 failed attempt; the last one: The server answered the upgrade with HTTP 503.',
        remedy: 'Check that the server runs, or raise --retry.',
      },
    ]);
    expect(io.stderr.text).toBe('');
  });
});

describe('staying connected', () => {
  test('restores a lost connection, says so, and sends in order what was piped in meanwhile', async () => {
    const { io, ended, server, socket } = await connect(...SOON);
    io.stdin.write('before\n');
    expect(await socket.nextFrame()).toBe('before');

    socket.reset();
    await io.stderr.shows('open → reconnecting: The link broke off');
    io.stdin.end('one\ntwo\n');
    const again = await server.accept();

    expect(await ended).toBe(0);
    expect(again.frames).toEqual(['one', 'two']);
    expect(io.stderr.text).toMatch(/Retry 1 in 0\.0\d s\.\n.*open again, attempt 1\n/);
    expect(io.stdout.text).toBe('');
  });

  test('does not retry the first connection by itself', async () => {
    const server = await listen();
    const io = new TestIo();
    const ended = io.run('connect', server.url, ...SOON);
    (await server.upgrade()).refuse(503);

    expect(await ended).toBe(1);
    expect(server.totalConnections).toBe(1);
    expect(io.stderr.text).toContain(
      'statewire: The server answered the upgrade with HTTP 503.\n           Check the path, and what --header',
    );
  });

  test('retries the first connection too when told to retry', async () => {
    const server = await listen();
    const io = new TestIo();
    const ended = io.run('connect', server.url, '--retry', 'forever', ...SOON);
    (await server.upgrade()).refuse(503);
    (await server.upgrade()).destroy();
    const socket = await server.accept();
    io.stdin.end('hi\n');

    expect(await socket.nextFrame()).toBe('hi');
    expect(await ended).toBe(0);
  });

  test('gives up after as many attempts as allowed', async () => {
    const { io, ended, server } = await connect('--retry', '2', ...SOON);
    await server.goAway();

    expect(await ended).toBe(1);
    expect(io.stderr.text).toMatch(
      /statewire: Gave up after 2 failed attempts; .*ECONNREFUSED.*\n +Check that the server runs, or raise --retry\.\n$/,
    );
  });

  test.each([
    { code: 1000, exit: 0 },
    { code: 1011, exit: 1 },
  ])('with --retry off a close with $code ends the session with exit code $exit', async ({ code, exit }) => {
    const { ended, socket } = await connect('--retry', 'off');
    socket.close(code);
    expect(await ended).toBe(exit);
  });

  test('gives up when it is not connected in time', async () => {
    const server = await listen();
    const io = new TestIo();
    const ended = io.run('connect', server.url, '--timeout', '0.05');
    (await server.upgrade()).ignore();

    expect(await ended).toBe(1);
    expect(io.stderr.text).toContain('statewire: Not connected within 0.1 s.\n');
  });

  test('tells which attempt was the last when time is up', async () => {
    const server = await listen();
    await server.goAway();
    const io = new TestIo();
    expect(await io.run('connect', server.url, '--timeout', '0.1', '--retry', 'forever', ...SOON)).toBe(1);
    expect(io.stderr.text).toMatch(/Not connected within 0\.1 s\. The last attempt: .*ECONNREFUSED/);
  });

  test('pings after the silence that was asked for', async () => {
    const { io, ended, socket } = await connect('--heartbeat', '0.02');
    expect(await socket.nextPing()).toBeInstanceOf(Uint8Array);
    socket.pong();
    io.stdin.end();
    expect(await ended).toBe(0);
  });
});

describe('the upgrade request', () => {
  test('carries the headers, from the command line and from a file, and the subprotocols', async () => {
    const server = await listen();
    const file = temporaryFile('Authorization: Bearer 123\n\nCookie: b=2\n');
    const io = new TestIo();
    const headers = ['-H', 'X-One: a: b', '-H', 'x-one: c', '-H', 'Cookie: a=1', '-H', `@${file}`];
    const ended = io.run(
      'connect',
      server.url,
      ...headers,
      '-s',
      'chat.v2',
      '-s',
      'chat.v1',
      '--output',
      'json',
    );

    const upgrade = await server.upgrade();
    expect(upgrade.subprotocols).toEqual(['chat.v2', 'chat.v1']);
    expect(upgrade.request.headers).toMatchObject({
      'x-one': 'a: b, c',
      cookie: 'a=1; b=2',
      authorization: 'Bearer 123',
    });
    upgrade.accept();
    io.stdin.end();

    expect(await ended).toBe(0);
    expect(io.stdout.text).not.toContain('Bearer');
  });

  test('keeps what is secret in a URL to itself', async () => {
    const server = await listen();
    const io = new TestIo();
    const ended = io.run('connect', `${server.url}/path?token=hush`);
    const socket = await server.accept();
    io.stdin.end();

    expect(await ended).toBe(0);
    expect(socket.request.url).toBe('/path?token=hush');
    expect(io.stderr.text).toContain('/path?token=***');
    expect(io.stderr.text).not.toContain('hush');
  });
});

describe('--auth-frame', () => {
  test('is sent first on every connect, and its answer is shown but not counted', async () => {
    const { io, ended, server, socket } = await connect('--auth-frame', '{"t":1}', '--once', ...SOON);
    io.stdin.write('hi\n');
    expect(await socket.nextFrame()).toBe('{"t":1}');
    socket.send('welcome');
    expect(await socket.nextFrame()).toBe('hi');

    socket.reset();
    const again = await server.accept();
    expect(await again.nextFrame()).toBe('{"t":1}');
    io.stdin.write('there\n');
    again.send('welcome back');
    expect(await again.nextFrame()).toBe('there');
    again.send('message');

    expect(await ended).toBe(0);
    expect(io.stdout.text).toBe('message\n');
    expect(io.stderr.text).toContain('the server answered: welcome\n');
    expect(io.stderr.text).toContain('the server answered: welcome back\n');
  });

  test('is read from a file, anew for each connection', async () => {
    const file = temporaryFile('first\n');
    const { io, ended, server, socket } = await connect(
      '--auth-frame',
      `@${file}`,
      '--output',
      'json',
      ...SOON,
    );
    expect(await socket.nextFrame()).toBe('first');
    socket.send('ok');
    await io.stdout.shows('"welcome"');

    writeFileSync(file, 'second\n');
    socket.reset();
    const again = await server.accept();
    expect(await again.nextFrame()).toBe('second');
    again.send('ok again');
    await io.stdout.shows('ok again');
    io.stdin.end();

    expect(await ended).toBe(0);
    expect(io.stdout.objects.filter(({ type }) => type === 'welcome')).toEqual([
      { type: 'welcome', data: 'ok' },
      { type: 'welcome', data: 'ok again' },
    ]);
    expect(io.stdout.text).not.toContain('second');
  });
});

describe('the end', () => {
  test('waits for the connection before it closes it, when there is nothing to send', async () => {
    const server = await listen();
    const io = new TestIo();
    io.stdin.end();
    const ended = io.run('connect', server.url);
    const socket = await server.accept();
    expect(await ended).toBe(0);
    expect(await socket.closed()).toEqual({ code: 1000, reason: '' });
  });

  test('a signal closes with 1000, and a second one does not wait for the answer', async () => {
    const { io, ended, socket } = await connect();
    await io.stderr.shows('open\n');
    socket.holdClose();

    io.signal('SIGINT');
    await until(() => socket.closeReceived);
    expect(socket.closeReceived).toEqual({ code: 1000, reason: '' });
    expect(io.exits).toEqual([]);
    io.signal('SIGINT');
    expect(io.exits).toEqual([130]);

    socket.answerClose();
    expect(await ended).toBe(130);
  });

  test('SIGTERM closes with 1000 too', async () => {
    const { io, ended, socket } = await connect();
    await io.stderr.shows('open\n');
    io.signal('SIGTERM');
    expect(await socket.closed()).toEqual({ code: 1000, reason: '' });
    expect(await ended).toBe(143);
  });

  test('a signal ends the wait for a connection', async () => {
    const server = await listen();
    const io = new TestIo();
    const ended = io.run('connect', server.url);
    await server.upgrade();
    io.signal('SIGINT');
    expect(await ended).toBe(130);
  });

  test('a reader that has left ends it quietly', async () => {
    const { io, ended, socket } = await connect('--quiet');
    socket.send('hello');
    await io.stdout.shows('hello\n');
    io.stdout.destroy(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
    expect(await socket.closed()).toEqual({ code: 1000, reason: '' });
    expect(await ended).toBe(0);
    expect(io.stderr.text).toBe('');
  });

  test('an output that fails is a failure', async () => {
    const { io, ended } = await connect('--quiet');
    io.stdout.destroy(Object.assign(new Error('no space left on device'), { code: 'ENOSPC' }));
    expect(await ended).toBe(1);
    expect(io.stderr.text).toBe('statewire: The output failed: no space left on device.\n');
  });

  test('an input that fails is a failure', async () => {
    const { io, ended } = await connect('--quiet');
    io.stdin.destroy(new Error('read EIO'));
    expect(await ended).toBe(1);
    expect(io.stderr.text).toBe('statewire: The input failed: read EIO.\n');
  });

  test('with --quiet nothing but messages and errors is printed', async () => {
    const { io, ended, server, socket } = await connect('--quiet', ...SOON);
    socket.send('one');
    await io.stdout.shows('one\n');
    socket.reset();
    const again = await server.accept();
    again.send('hello');
    await io.stdout.shows('hello\n');
    io.stdin.end();
    expect(await ended).toBe(0);
    expect(io.stderr.text).toBe('');
  });
});
