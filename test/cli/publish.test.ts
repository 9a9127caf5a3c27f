// `statewire publish` against a hub, a server that says nothing, and none.
import { describe, expect, test } from 'vitest';
import { ChannelClient, type ChannelMessage } from '../../src/channels/index.ts';
import { FaultProxy } from '../../src/testing/fault-proxy.ts';
import { until } from '../../src/testing/wait.ts';
import type { ChannelHub } from '../../src/server/index.ts';
import { countResources } from '../testing/leftovers.ts';
import { hubWith, plainServer, SOON, start } from './channels.ts';

/** What comes in the channel `news`, as a subscriber of its own hears it. */
async function listen(hub: ChannelHub) {
  const client = new ChannelClient({ url: hub.webSocketUrl });
  const heard: ChannelMessage[] = [];
  await client.connect();
  client.on('message', (message) => heard.push(message));
  await client.subscribe('news');
  return {
    heard,
    payloads: () => heard.map(({ payload }) => payload),
    [Symbol.asyncDispose]: () => client.disconnect(),
  };
}

describe('a message', () => {
  test.each([
    ['dinner is ready', { message: 'dinner is ready' }],
    ['{"id": 7}', { id: 7 }],
    ['[1]', [1]],
    ['42', { message: '42' }],
    ['"quoted"', { message: '"quoted"' }],
    ['null', { message: 'null' }],
    ['{"half":', { message: '{"half":' }],
    ['', { message: '' }],
  ])('%j is published as %j, and acknowledged', async (message, payload) => {
    const hub = await hubWith();
    await using listener = await listen(hub);
    const { io, ended } = start('publish', 'news', message, '--url', hub.webSocketUrl);

    expect(await ended).toBe(0);
    await until(() => listener.heard.length > 0);
    expect(listener.payloads()).toEqual([payload]);
    expect(io.stdout.text).toBe('acknowledged 1\n');
    expect(io.stderr.lines).toEqual([
      `statewire: connecting to ${hub.webSocketUrl}`,
      'statewire: open',
      'statewire: closed',
    ]);
    expect(io.handlers).toBe(0);
  });

  test('with --json is all that JSON can say, and nothing else', async () => {
    const hub = await hubWith();
    await using listener = await listen(hub);
    const good = start('publish', 'news', '42', '--json', '--url', hub.webSocketUrl);
    expect(await good.ended).toBe(0);
    const bad = start('publish', 'news', 'text', '--json', '--url', hub.webSocketUrl);
    expect(await bad.ended).toBe(2);

    expect(bad.io.stderr.lines).toEqual([
      'statewire: The message is no JSON.',
      '           Correct it, or leave --json out to send it as {"message": text}.',
    ]);
    await until(() => listener.heard.length > 0);
    expect(listener.payloads()).toEqual([42]);
  });

  test('is flushed to a server that acknowledges nothing, in the frame of the seed', async () => {
    const server = await plainServer();
    const { io, ended } = start('publish', 'news', 'hello', '--url', server.url);

    expect(await ended).toBe(0);
    expect(io.stdout.text).toBe('flushed\n');
    expect(server.heard).toEqual([
      '{"channel":"subscription","payload":{"action":"subscribe","channel":"news"}}',
      '{"channel":"news","payload":{"message":"hello"}}',
      '{"channel":"subscription","payload":{"action":"unsubscribe","channel":"news"}}',
    ]);
  });

  test('with --quiet is published without a word', async () => {
    const hub = await hubWith();
    const { io, ended } = start('publish', 'news', 'hello', '--quiet', '--url', hub.webSocketUrl);

    expect(await ended).toBe(0);
    expect([io.stdout.text, io.stderr.text]).toEqual(['', '']);
  });

  test('that the hub refuses ends it with 1, and says why', async () => {
    const hub = await hubWith({ authorize: ({ action }) => action === 'subscribe' });
    const { io, ended } = start('publish', 'news', 'hello', '--quiet', '--url', hub.webSocketUrl);

    expect(await ended).toBe(1);
    expect(io.stdout.text).toBe('');
    expect(io.stderr.lines[0]).toBe(
      'statewire: The server refused the message for news: NOT_ALLOWED: Not allowed to publish here.',
    );
  });

  test('that was not published in time ends it with 1', async () => {
    const hub = await hubWith();
    await using proxy = await FaultProxy.listen(hub.webSocketUrl);
    proxy.freeze();
    const { io, ended } = start('publish', 'news', 'hello', '--url', proxy.url, '--timeout', '0.05');

    expect(await ended).toBe(1);
    expect(io.stderr.text).toContain('statewire: Not connected within 0.1 s.');
  });
});

describe('the input', () => {
  test('is published a line a message, in order, through a cut', async () => {
    const hub = await hubWith();
    await using listener = await listen(hub);
    await using proxy = await FaultProxy.listen(hub.webSocketUrl);
    const { io, ended } = start('publish', 'news', '--url', proxy.url, ...SOON);
    io.stdin.write('one\n\n{"n":2}\r\n');
    await io.stdout.shows('acknowledged 2\n');
    // In the middle of the acknowledgement of what comes next.
    proxy.cutAfter(20, { direction: 'toClient', times: 1 });
    io.stdin.end('three\nfour');

    expect(await ended).toBe(0);
    await until(() => listener.heard.length >= 4);
    expect(listener.payloads()).toEqual([
      { message: 'one' },
      { n: 2 },
      { message: 'three' },
      { message: 'four' },
    ]);
    expect(io.stdout.lines).toEqual([1, 2, 3, 4].map((n) => `acknowledged ${n}`));
    expect(io.stderr.text).toContain('open → reconnecting: ');
    expect(hub.metrics.duplicates).toBe(1);
  });

  test('that is faster than the hub allows waits, and arrives in order', async () => {
    const hub = await hubWith({ limits: { messageBurst: 4, messagesPerSecond: 20 } });
    await using listener = await listen(hub);
    const { io, ended } = start('publish', 'news', '--quiet', '--url', hub.webSocketUrl);
    const numbers = Array.from({ length: 8 }, (_, n) => n);
    io.stdin.end(numbers.map((n) => `{"n":${n}}\n`).join(''));

    expect(await ended).toBe(0);
    await until(() => listener.heard.length >= 8);
    expect(listener.payloads()).toEqual(numbers.map((n) => ({ n })));
    expect(hub.metrics.refused).toEqual({});
    expect(io.stderr.text).toBe('');
  });

  test('goes on after a line that was not published, and ends with 1', async () => {
    const hub = await hubWith();
    await using listener = await listen(hub);
    const { io, ended } = start('publish', 'news', '--json', '--output', 'json', '--url', hub.webSocketUrl);
    io.stdin.end('1\nnone\n3\n');

    expect(await ended).toBe(1);
    expect(io.stdout.objects.filter(({ type }) => type !== 'state')).toEqual([
      { type: 'published', outcome: 'acknowledged', seq: 1 },
      {
        type: 'error',
        code: 'INVALID_LINE',
        message: 'Not published, because it is no JSON: none',
        remedy: 'Correct it, or leave --json out to send it as {"message": text}.',
      },
      { type: 'published', outcome: 'acknowledged', seq: 2 },
    ]);
    await until(() => listener.heard.length >= 2);
    expect(listener.payloads()).toEqual([1, 3]);
  });
});

describe('the end', () => {
  test('comes with Ctrl-C, with exit code 130, and leaves nothing behind', async () => {
    const isTidy = await countResources();
    const hub = await hubWith();
    const { io, ended } = start('publish', 'news', '--url', hub.webSocketUrl);
    io.stdin.write('one\n');
    await io.stdout.shows('acknowledged 1');
    io.signal('SIGINT');

    expect(await ended).toBe(130);
    expect(io.handlers).toBe(0);
    await hub.close();
    await isTidy();
  });

  test('comes when nobody answers', async () => {
    const hub = await hubWith();
    const url = hub.webSocketUrl;
    await hub.close();
    const { io, ended } = start('publish', 'news', 'hello', '--url', url, '--quiet');

    expect(await ended).toBe(1);
    expect(io.stderr.text).toMatch(/^statewire: The connection could not be opened: .*\n +Check that .*\n$/);
  });

  test('comes when the channel may not be subscribed to', async () => {
    const hub = await hubWith({ authorize: () => false });
    const { io, ended } = start('publish', 'news', 'hello', '--url', hub.webSocketUrl, '--quiet');

    expect(await ended).toBe(1);
    expect(io.stderr.lines[0]).toMatch(/The server refused the subscription to news: NOT_ALLOWED/);
  });
});

test.each([
  [
    ['subscription', 'x'],
    "'subscription' is no name of a channel.",
    "Give 1 to 200 characters; 'subscription' itself is taken.",
  ],
  [[], "Missing required argument 'channel'.", 'See: statewire publish --help'],
  [
    ['news', 'two', 'words'],
    "Too many arguments for 'publish'. Expected 2 arguments but got 3.",
    'See: statewire publish --help',
  ],
])('%j is wrong usage', async (argv, what, remedy) => {
  const { io, ended } = start('publish', ...argv);

  expect(await ended).toBe(2);
  expect(io.stderr.text).toBe(`statewire: ${what}\n           ${remedy}\n`);
});

test('publish --help explains it in lines that fit', async () => {
  const { io, ended } = start('publish', '--help');

  expect(await ended).toBe(0);
  expect(io.stdout.text).toMatch(/^Usage: statewire publish \[options\] <channel> \[message\]/);
  expect(io.stdout.lines.filter((line) => line.length > 100)).toEqual([]);
});
