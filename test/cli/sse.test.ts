// `statewire sse` against a server that does nothing of its own accord.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { until } from '../../src/testing/wait.ts';
import { StreamServer } from '../sse/stream-server.ts';
import { SELF_SIGNED } from '../support/tls.ts';
import { TestIo } from './test-io.ts';

/** Retries after milliseconds: a maximum below the first wait replaces it. */
const SOON = ['--retry-max-delay', '0.005'];

async function listen(): Promise<StreamServer> {
  const server = await StreamServer.listen();
  onTestFinished(() => server.close());
  return server;
}

async function ask(...options: string[]) {
  const server = await listen();
  const io = new TestIo();
  const ended = io.run('sse', server.url, ...options);
  const exchange = await server.next();
  return { server, io, ended, exchange };
}

async function read(...options: string[]) {
  const asked = await ask(...options);
  asked.exchange.open();
  return asked;
}

function temporaryFile(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'statewire-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'file');
  writeFileSync(path, text);
  return path;
}

describe('events', () => {
  test('are printed with their names and new ids, and states on stderr', async () => {
    const { io, ended, exchange } = await read('--max-messages', '5');

    exchange.write('data: plain\n\nevent: price\nid: 7\ndata: {"a":1}\n\nevent: price\ndata: 2\n\n');
    exchange.write(': a comment\n\nid: 8\ndata: one\ndata: two\n\ndata: {"a":1}\n\n');

    expect(await ended).toBe(0);
    expect(io.stdout.text).toBe('plain\n[price, id 7] {"a":1}\n[price] 2\n[id 8] one\ntwo\n{"a":1}\n');
    expect(io.stderr.text).toMatch(
      /^statewire: connecting to http:.*\/events\nstatewire: open\nstatewire: closed\n$/,
    );
    expect(io.handlers).toBe(0);
    await exchange.gone();
  });

  test('with --json are indented where they are JSON', async () => {
    const { io, ended, exchange } = await read('--json', '--max-messages', '2');
    exchange.write('event: price\ndata: {"a":[1]}\n\ndata: no json\n\n');

    expect(await ended).toBe(0);
    expect(io.stdout.text).toBe('[price] {\n  "a": [\n    1\n  ]\n}\nno json\n');
  });

  test('with --once there is one, although more come', async () => {
    const { io, ended, exchange } = await read('--once', '--quiet');
    exchange.write('data: first\n\ndata: second\n\n');

    expect(await ended).toBe(0);
    expect([io.stdout.text, io.stderr.text]).toEqual(['first\n', '']);
  });

  test('do no harm to a terminal, whatever is in them', async () => {
    const server = await listen();
    const io = new TestIo();
    io.stdout.isTTY = true;
    const ended = io.run('sse', server.url, '--max-messages', '2');
    (await server.next())
      .open()
      .write('event: a\u001b[2J\nid: \u009b1\u0007\ndata: \u001b]0;title\u0007\n\ndata: x\n\n');

    expect(await ended).toBe(0);
    expect(io.stdout.text).toContain('a\\x1b[2J, id \\x9b1\\x07');
    expect(io.stdout.text).toContain('\\x1b]0;title\\x07\n');
    expect(io.stdout.text.replace(/\u001b\[22?m/g, '')).not.toMatch(
      /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/,
    );
  });

  test('are not lost while nobody reads the output; the server is slowed down', async () => {
    const { io, ended, exchange } = await read('--max-messages', '20000', '--quiet');
    const long = (number: number) => `${number} ${'x'.repeat(1_000)}`;
    io.stdout.hold();

    for (let number = 0; number < 20_000; number += 1) exchange.write(`data: ${long(number)}\n\n`);
    await until(() => exchange.response.writableLength > 1_000_000);
    const isFlooded = () => io.stdout.writableLength > 2_000_000;
    await expect(until(isFlooded, { timeoutMs: 500 })).rejects.toThrow('in vain');
    io.stdout.release();

    expect(await ended).toBe(0);
    expect(io.stdout.lines).toEqual(Array.from({ length: 20_000 }, (_, number) => long(number)));
  });
});

describe('--output json', () => {
  test('prints one object a line, and nothing else anywhere', async () => {
    const { io, ended, exchange } = await read('--output', 'json', '--json', '--max-messages', '2');
    exchange.write('event: price\nid: 7\ndata: {"a":1}\n\ndata: text\n\n');

    expect(await ended).toBe(0);
    const state = (previous: string, state: string, reason: string) => {
      return { type: 'state', state, previous, reason, attempt: 0, retryInMs: null };
    };
    expect(io.stdout.objects).toEqual([
      state('idle', 'connecting', 'CONNECT_CALLED'),
      state('connecting', 'authenticating', 'CONNECT_CALLED'),
      state('authenticating', 'open', 'HANDSHAKE_ACCEPTED'),
      { type: 'event', event: 'price', id: '7', data: { a: 1 } },
      { type: 'event', event: 'message', id: '7', encoding: 'text', data: 'text' },
      state('open', 'closing', 'DISCONNECT_CALLED'),
      state('closing', 'closed', 'DISCONNECT_CALLED'),
    ]);
    expect(io.stderr.text).toBe('');
  });

  test('tells why a stream was refused', async () => {
    const { io, ended, exchange } = await ask('--output', 'json');
    exchange.response.writeHead(400).end('no such\nfeed\u001b[2J');

    expect(await ended).toBe(1);
    expect(io.stdout.objects.at(-1)).toEqual({
      type: 'error',
      code: 'STREAM_REFUSED',
      message: expect.stringMatching(/with HTTP 400\. It said: no such feed/) as string,
      remedy: 'Check the path, and what --header, --method and --data say.',
    });
    expect(io.stderr.text).toBe('');
  });
});

describe('the request', () => {
  test('carries headers, from the command line and from a file, and the id', async () => {
    const file = temporaryFile('Authorization: Bearer 123\n');
    const headers = ['-H', 'X-One: a', '-H', 'x-one: b', '-H', `@${file}`];
    const { io, ended, exchange } = await ask(...headers, '--last-event-id', '42', '--once');
    exchange.open().write('data: a\n\n');

    expect(await ended).toBe(0);
    expect(exchange.request.method).toBe('GET');
    expect(exchange.request.headers).toMatchObject({
      ...{ 'x-one': 'a, b', authorization: 'Bearer 123', 'last-event-id': '42' },
      accept: 'text/event-stream',
    });
    expect(io.stdout.text).toBe('a\n');
    expect(io.stderr.text).not.toContain('Bearer');
  });

  test.each([
    [['--data', '{"q":1}'], 'POST', '{"q":1}', 'application/json'],
    [['--data', 'q=1'], 'POST', 'q=1', 'text/plain;charset=UTF-8'],
    [['--data', '[]', '-H', 'content-type: application/x'], 'POST', '[]', 'application/x'],
    [['--data', 'x', '--method', 'put'], 'PUT', 'x', 'text/plain;charset=UTF-8'],
    [['--method', 'POST'], 'POST', '', undefined],
  ])('with %j is a %s', async (options, method, body, type) => {
    const { ended, exchange } = await read(...options, '--once');
    exchange.write('data: a\n\n');

    expect(await ended).toBe(0);
    const { request } = exchange;
    expect([request.method, exchange.body, request.headers['content-type']]).toEqual([method, body, type]);
  });

  test('takes its body from a file, anew for each attempt', async () => {
    const file = temporaryFile('first');
    const { ended, exchange, server } = await read('--data', `@${file}`, '--retry', '1', '--once', ...SOON);
    writeFileSync(file, 'second');
    exchange.cut();
    const again = (await server.next()).open().write('data: a\n\n');

    expect(await ended).toBe(0);
    expect([exchange.body, again.body]).toEqual(['first', 'second']);
  });

  test('keeps what is secret in a URL to itself', async () => {
    const server = await listen();
    const io = new TestIo();
    const ended = io.run('sse', `${server.url}?token=hush`, '--once');
    (await server.next()).open().write('data: a\n\n');

    expect(await ended).toBe(0);
    expect(io.stderr.text).toContain('/events?token=***');
    expect(io.stderr.text).not.toContain('hush');
  });
});

describe('a certificate', () => {
  test('that nobody vouches for is refused, and nothing is retried', async () => {
    const server = await StreamServer.listen({ tls: SELF_SIGNED });
    onTestFinished(() => server.close());
    const io = new TestIo();

    expect(await io.run('sse', server.url, '--retry', 'forever', ...SOON)).toBe(1);
    expect(server.requests).toBe(0);
    expect(io.stderr.text).toMatch(
      /self.signed certificate.*\n +Correct the certificate or .*--insecure\.\n$/,
    );
  });

  test('is not looked at with --insecure', async () => {
    const server = await StreamServer.listen({ tls: SELF_SIGNED });
    onTestFinished(() => server.close());
    const io = new TestIo();
    const ended = io.run('sse', server.url, '--insecure', '--once', '--data', '{}');
    const exchange = (await server.next()).open().write('data: a\n\n');

    expect(await ended).toBe(0);
    expect([io.stdout.text, exchange.body]).toEqual(['a\n', '{}']);
    await exchange.gone();
  });
});

describe('staying connected', () => {
  test('asks again from the last event on, and says so', async () => {
    const { io, ended, exchange, server } = await read('--max-messages', '2', ...SOON);
    exchange.write('id: 1\ndata: a\n\n');
    await io.stdout.shows('a\n');
    exchange.end();
    const again = (await server.next()).open().write('id: 2\ndata: b\n\n');

    expect(await ended).toBe(0);
    expect(again.lastEventId).toBe('1');
    expect(io.stdout.text).toBe('[id 1] a\n[id 2] b\n');
    expect(io.stderr.text).toMatch(
      /open → reconnecting: The server ended the stream of events\. Retry 1 in 0\.0\d s\.\n.*open again, attempt 1\n/,
    );
  });

  test('does not retry the first request by itself, and says what the server said', async () => {
    const { io, ended, exchange, server } = await ask(...SOON);
    exchange.response.writeHead(503).end('  come back\n\u001b[2J later ');

    expect(await ended).toBe(1);
    expect(server.requests).toBe(1);
    expect(io.stderr.text).toContain(
      'with HTTP 503. It said: come back \\x1b[2J later\n           Check the path, and what --header',
    );
  });

  test('leaves a page for a browser out', async () => {
    const { io, ended, exchange } = await ask();
    exchange.response.writeHead(200, { 'Content-Type': 'text/html' }).end('<html>Log in</html>');

    expect(await ended).toBe(1);
    expect(io.stderr.text).toMatch(
      /Expected the content type text\/event-stream, got text\/html\.\n +Check the URL/,
    );
  });

  test('retries the first request too when told to, a 404 as well', async () => {
    const { ended, exchange, server } = await ask('--retry', 'forever', '--once', ...SOON);
    exchange.refuse(404);
    (await server.next()).refuse(503);
    (await server.next()).open().write('data: a\n\n');

    expect(await ended).toBe(0);
  });

  test('gives up after as many attempts as allowed', async () => {
    const { io, ended, exchange, server } = await read('--retry', '1', ...SOON);
    exchange.cut();
    (await server.next()).refuse(500);

    expect(await ended).toBe(1);
    expect(io.stderr.text).toMatch(
      /Gave up after 1 failed attempt; .*HTTP 500\.\n +Check that the server runs/,
    );
  });

  test('does not ask twice by itself with another method than GET', async () => {
    const { io, ended, exchange, server } = await read('--data', 'buy');
    exchange.cut();

    expect(await ended).toBe(1);
    expect(server.requests).toBe(1);
    expect(io.stderr.text).toContain('statewire: The link broke off');
  });

  test('takes a stream for dead after the silence that was asked for', async () => {
    const { io, ended, server } = await read('--silence', '0.1', '--once', ...SOON);
    (await server.next()).open().write('data: a\n\n');

    expect(await ended).toBe(0);
    expect(io.stderr.text).toContain('open → reconnecting: Nothing was received for ');
  });

  test('waits for ever with --silence off', async () => {
    const { io, ended, exchange } = await read('--silence', 'off', '--once');
    exchange.write('data: a\n\n');

    expect(await ended).toBe(0);
    expect(io.stdout.text).toBe('a\n');
  });

  test('gives up when the server does not answer in time', async () => {
    const { io, ended } = await ask('--timeout', '0.05');

    expect(await ended).toBe(1);
    expect(io.stderr.text).toMatch(/statewire: (Not connected within 0\.1 s\.|The connection did not open)/);
    expect(io.stderr.text).toContain('or raise --timeout.\n');
  });
});

describe('the end', () => {
  test('comes with HTTP 204', async () => {
    const { io, ended, exchange, server } = await read(...SOON);
    exchange.end();
    (await server.next()).refuse(204);

    expect(await ended).toBe(0);
    expect(io.stderr.text).toMatch(/statewire: the server has no more events \(HTTP 204\)\n$/);
  });

  test('by HTTP 204 comes too soon for who waits for so many events', async () => {
    const { io, ended, exchange } = await ask('--once');
    exchange.refuse(204);

    expect(await ended).toBe(1);
    expect(io.stderr.text).toContain('answered with HTTP 204');
  });

  test('of the stream is the end with --retry off', async () => {
    const { io, ended, exchange } = await read('--retry', 'off', '--quiet');
    exchange.write('data: a\n\n').end();

    expect(await ended).toBe(0);
    expect([io.stdout.text, io.stderr.text]).toEqual(['a\n', '']);
  });

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('comes with %s, with exit code %i', async (signal, code) => {
    const { io, ended, exchange } = await read();
    await io.stderr.shows('open\n');
    io.signal(signal);

    expect(await ended).toBe(code);
    await exchange.gone();
    expect(io.handlers).toBe(0);
  });

  test('comes quietly when nobody reads the output any more', async () => {
    const { io, ended, exchange } = await read('--quiet');
    exchange.write('data: a\n\n');
    await io.stdout.shows('a\n');
    io.stdout.destroy(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));

    expect(await ended).toBe(0);
    expect(io.stderr.text).toBe('');
  });
});

describe('wrong usage', () => {
  test.each([
    [
      ['example.com/events'],
      "'example.com/events' is no URL of an event stream.",
      'Did you mean http://example.com/events?',
    ],
    [['ws://x'], "'ws://x' is no URL of an event stream.", 'Give one such as https://example.com/path.'],
    [
      ['http://x', '--method', 'get', '--data', 'x'],
      'A request with --method GET has no body.',
      'Leave --method or --data out.',
    ],
    [
      ['http://x', '--method', 'HEAD'],
      "Option '--method <method>' argument 'HEAD' is invalid. Expected one that has an answer, such as GET or POST.",
      undefined,
    ],
    [
      ['http://x', '--last-event-id', 'a\u0007'],
      "Option '--last-event-id <id>' argument 'a\u0007' is invalid. Expected an id that a header can hold: without control characters.",
      undefined,
    ],
    [['http://x', '-H', 'no colon'], "--header is wrong: expected 'Name: value'.", undefined],
    [
      ['http://x', '--data', '@/no/such/file'],
      "--data cannot be read: ENOENT: no such file or directory, open '/no/such/file'.",
      'Give the path of a readable file after the @.',
    ],
    [
      ['http://x', '--silence', '0'],
      "Option '--silence <seconds>' argument '0' is invalid. Expected a number of seconds above 0.",
      undefined,
    ],
  ])('is %j', async (argv, what, remedy = 'See: statewire sse --help') => {
    const io = new TestIo();

    expect(await io.run('sse', ...argv)).toBe(2);
    expect([io.stdout.text, io.stderr.text]).toEqual(['', `statewire: ${what}\n           ${remedy}\n`]);
  });

  test('is explained by the help', async () => {
    const io = new TestIo();

    expect(await io.run('sse', '--help')).toBe(0);
    expect(io.stdout.text).toMatch(/^Usage: statewire sse \[options\] <url>/);
    expect(io.stdout.lines.filter((line) => line.length > 100)).toEqual([]);
  });
});
