// `statewire subscribe` against a hub, a server that says nothing, and none.
import { describe, expect, test } from 'vitest';
import { memoryBroker } from '../../src/server/index.ts';
import { until } from '../../src/testing/wait.ts';
import { FaultProxy } from '../../src/testing/fault-proxy.ts';
import { countResources } from '../testing/leftovers.ts';
import { hubWith, plainServer, SOON, start } from './channels.ts';
import { TestIo } from './test-io.ts';

async function subscribed(url: string, ...options: readonly string[]) {
  const started = start('subscribe', 'news', '--url', url, ...options);
  await started.io.stderr.shows('subscribed to news');
  return started;
}

describe('messages', () => {
  test('are printed as JSON, one a line, and states on stderr', async () => {
    const hub = await hubWith();
    const { io, ended } = await subscribed(hub.webSocketUrl, '--max-messages', '2');
    await hub.publish('other', { not: 'this' });
    await hub.publish('news', { message: 'dinner', tags: ['a'] });
    await hub.publish('news', 'plain');

    expect(await ended).toBe(0);
    expect(io.stdout.text).toBe('{"message":"dinner","tags":["a"]}\n"plain"\n');
    expect(io.stderr.lines).toEqual([
      `statewire: connecting to ${hub.webSocketUrl}`,
      'statewire: open',
      'statewire: subscribed to news',
      'statewire: closed',
    ]);
    expect(io.handlers).toBe(0);
  });

  test('are indented with --json, and alone with --quiet', async () => {
    const hub = await hubWith();
    const { io, ended } = start(
      'subscribe',
      'news',
      '--url',
      hub.webSocketUrl,
      '--json',
      '--once',
      '--quiet',
    );
    await until(() => hub.channels.get('news') === 1);
    await hub.publish('news', { a: 1 });

    expect(await ended).toBe(0);
    expect([io.stdout.text, io.stderr.text]).toEqual(['{\n  "a": 1\n}\n', '']);
  });

  test('do no harm to a terminal', async () => {
    const hub = await hubWith();
    const io = new TestIo();
    io.stdout.isTTY = true;
    const ended = io.run('subscribe', 'news', '--url', hub.webSocketUrl, '--once');
    await io.stderr.shows('subscribed to news');
    await hub.publish('news', { message: '\u009b2J\u001b' });

    expect(await ended).toBe(0);
    expect(io.stdout.text).toBe('{"message":"\\x9b2J\\u001b"}\n');
  });

  test('come after a cut too, each once, those of the meantime included', async () => {
    const hub = await hubWith();
    await using proxy = await FaultProxy.listen(hub.webSocketUrl);
    const { io, ended } = await subscribed(proxy.url, '--max-messages', '4', ...SOON);
    for (const n of [1, 2]) await hub.publish('news', { n });
    await io.stdout.shows('{"n":2}\n');
    await proxy.goAway();
    await hub.publish('news', { n: 3 });
    await proxy.comeBack();
    await until(() => hub.channels.get('news') === 1);
    await hub.publish('news', { n: 4 });

    expect(await ended).toBe(0);
    expect(io.stdout.lines).toEqual([1, 2, 3, 4].map((n) => JSON.stringify({ n })));
    expect(io.stderr.text).toContain('open → reconnecting: ');
    expect(io.stderr.text).not.toContain('gap');
  });

  test('that a hub has forgotten are told as a gap, also with --quiet', async () => {
    const hub = await hubWith({ broker: memoryBroker({ maxMessages: 1 }) });
    await using proxy = await FaultProxy.listen(hub.webSocketUrl);
    const { io, ended } = start(
      'subscribe',
      'news',
      '--url',
      proxy.url,
      '--quiet',
      '--max-messages',
      '2',
      ...SOON,
    );
    await until(() => hub.channels.get('news') === 1);
    await hub.publish('news', { n: 1 });
    await io.stdout.shows('{"n":1}\n');
    await proxy.goAway();
    await until(() => hub.metrics.clients === 0);
    for (const n of [2, 3]) await hub.publish('news', { n });
    await proxy.comeBack();

    expect(await ended).toBe(0);
    expect(io.stdout.lines).toEqual(['{"n":1}', '{"n":3}']);
    expect(io.stderr.text).toBe(
      'statewire: gap after message 1: what came before the next one may be missing\n',
    );
  });
});

describe('--output json', () => {
  test('prints one object a line, and nothing else anywhere', async () => {
    const hub = await hubWith();
    const { io, ended } = start('subscribe', 'news', '--url', hub.webSocketUrl, '--output', 'json', '--once');
    await io.stdout.shows('"subscription"');
    await hub.publish('news', { a: 1 }, { messageId: 'one' });

    expect(await ended).toBe(0);
    expect(io.stdout.objects.filter(({ type }) => type !== 'state')).toEqual([
      { type: 'subscription', state: 'subscribed', isAcknowledged: true },
      { type: 'message', channel: 'news', payload: { a: 1 }, seq: 1, message_id: 'one' },
      { type: 'subscription', state: 'ended', isAcknowledged: false },
    ]);
    expect(io.stderr.text).toBe('');
  });

  test('tells why a subscription was refused', async () => {
    const hub = await hubWith({ authorize: () => false });
    const { io, ended } = start('subscribe', 'news', '--url', hub.webSocketUrl, '--output', 'json');

    expect(await ended).toBe(1);
    expect(io.stdout.objects.find(({ type }) => type === 'error')).toEqual({
      type: 'error',
      code: 'SUBSCRIPTION_REFUSED',
      message: 'The server refused the subscription to news: NOT_ALLOWED: Not allowed to subscribe here.',
      remedy: 'Check the name of the channel, and what --header says.',
    });
  });
});

test('a server that acknowledges nothing is taken to have agreed, and that is said', async () => {
  const server = await plainServer();
  const { io, ended } = start('subscribe', 'news', '--url', server.url, '--once');
  await io.stderr.shows('subscribed to news; the server does not say so');
  server.clients[0]!.send('{"channel":"news","payload":{"a":1}}');

  expect(await ended).toBe(0);
  expect(io.stdout.text).toBe('{"a":1}\n');
  expect(server.heard).toEqual([
    '{"channel":"subscription","payload":{"action":"subscribe","channel":"news"}}',
    '{"channel":"subscription","payload":{"action":"unsubscribe","channel":"news"}}',
  ]);
});

test('sends the headers that it was given, and keeps what is secret in a URL to itself', async () => {
  const hub = await hubWith({ authenticate: ({ headers }) => headers.authorization === 'Bearer 123' });
  const url = `${hub.webSocketUrl}?token=hush`;
  const { io, ended } = start('subscribe', 'news', '--url', url, '-H', 'Authorization: Bearer 123', '--once');
  await io.stderr.shows('subscribed');
  await hub.publish('news', 1);

  expect(await ended).toBe(0);
  expect(io.stderr.text).not.toMatch(/hush|Bearer/);
});

describe('the end', () => {
  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('comes with %s, with exit code %i, and leaves nothing behind', async (signal, code) => {
    const isTidy = await countResources();
    const hub = await hubWith();
    const { io, ended } = await subscribed(hub.webSocketUrl);
    io.signal(signal);

    expect(await ended).toBe(code);
    expect(io.handlers).toBe(0);
    await hub.close();
    await isTidy();
  });

  test('comes at once when nobody answers', async () => {
    const hub = await hubWith();
    const url = hub.webSocketUrl;
    await hub.close();
    const { io, ended } = start('subscribe', 'news', '--url', url, '--quiet');

    expect(await ended).toBe(1);
    expect(io.stderr.text).toMatch(
      /^statewire: The connection could not be opened: .*ECONNREFUSED.*\n {11}Check that the hub runs .*\n$/,
    );
  });

  test('does not come for who waits with --retry forever', async () => {
    const hub = await hubWith();
    await using proxy = await FaultProxy.listen(hub.webSocketUrl);
    await proxy.goAway();
    const { io, ended } = start(
      'subscribe',
      'news',
      '--url',
      proxy.url,
      '--retry',
      'forever',
      '--once',
      ...SOON,
    );
    await io.stderr.shows('Retry 3 in');
    await proxy.comeBack();
    await io.stderr.shows('subscribed');
    await hub.publish('news', 1);

    expect(await ended).toBe(0);
  });

  test('comes after as many attempts as allowed', async () => {
    const hub = await hubWith();
    const { io, ended } = await subscribed(hub.webSocketUrl, '--retry', '2', ...SOON);
    await hub.close({ deadlineMs: 0 });

    expect(await ended).toBe(1);
    expect(io.stderr.text.match(/Retry/g)).toHaveLength(2);
  });
});

describe('wrong usage', () => {
  test.each([
    [
      ['subscription'],
      "'subscription' is no name of a channel.",
      "Give 1 to 200 characters; 'subscription' itself is taken.",
    ],
    [
      ['news', '--url', 'localhost:80'],
      "'localhost:80' is no WebSocket URL.",
      'Did you mean ws://localhost:80?',
    ],
    [
      ['news', '-H', 'no colon'],
      "--header is wrong: expected 'Name: value'.",
      'See: statewire subscribe --help',
    ],
    [[], "Missing required argument 'channel'.", 'See: statewire subscribe --help'],
  ])('is %j', async (argv, what, remedy) => {
    const { io, ended } = start('subscribe', ...argv);

    expect(await ended).toBe(2);
    expect([io.stdout.text, io.stderr.text]).toEqual(['', `statewire: ${what}\n           ${remedy}\n`]);
  });

  test('is explained by the help', async () => {
    const { io, ended } = start('subscribe', '--help');

    expect(await ended).toBe(0);
    expect(io.stdout.text).toMatch(/^Usage: statewire subscribe \[options\] <channel>/);
    expect(io.stdout.lines.filter((line) => line.length > 100)).toEqual([]);
  });
});
