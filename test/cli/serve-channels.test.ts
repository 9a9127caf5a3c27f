// `statewire serve channels`: that it serves what it says, how it ends, and with `subscribe` and `publish` as processes.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
// What a command loads when it is first run, so that no wait is for that.
import '../../src/cli/serve/channels.ts';
import { ChannelClient } from '../../src/channels/index.ts';
import { until } from '../../src/testing/wait.ts';
import { countResources } from '../testing/leftovers.ts';
import { spawnCli, type Spawned } from './spawned.ts';
import { TestIo } from './test-io.ts';

async function serve(...argv: string[]) {
  const io = new TestIo();
  const ended = io.run('serve', 'channels', '--port', '0', ...argv);
  await io.stdout.shows('statewire publish');
  const url = /^http:\/\/\S+/.exec(io.stdout.text)?.[0] ?? '';
  return { io, ended, url, webSocketUrl: /ws:\/\/\S+/.exec(io.stdout.text)?.[0] ?? '' };
}

async function clientOf(url: string, channel: string) {
  const client = new ChannelClient({ url, echo: true });
  onTestFinished(() => client.disconnect());
  await client.connect();
  return { client, subscription: await client.subscribe(channel) };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'statewire-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

test('serves until Ctrl-C, says where, and leaves nothing behind', async () => {
  const isTidy = await countResources();
  const { io, ended, url } = await serve('--quiet', '--metrics', '--path', '/hub', '--history', '1');
  const ws = `${url.replace('http', 'ws')}/hub`;

  expect(io.stdout.lines).toEqual([
    `${url}  A channel hub; Ctrl-C ends it.`,
    '',
    `  WebSocket  ${ws}`,
    `  Health     ${url}/health`,
    `  Metrics    ${url}/metrics`,
    '  Kept       the last 1 message of each channel, in memory, until it ends',
    '',
    `  statewire subscribe news --url ${ws}`,
    `  statewire publish news hello --url ${ws}`,
  ]);
  expect(await (await fetch(`${url}/metrics`)).text()).toContain('\nstatewire_hub_clients 0\n');
  expect((await fetch(`${url}/health`)).status).toBe(200);
  io.signal('SIGINT');

  expect(await ended).toBe(0);
  expect(io.stderr.text).toBe('');
  expect(io.handlers).toBe(0);
  await expect(fetch(url)).rejects.toThrow();
  await isTidy();
});

test('has no figures for strangers, and no echo, unless told to', async () => {
  const { io, ended, url, webSocketUrl } = await serve('--quiet', '--history', '0');
  expect((await fetch(`${url}/metrics`)).status).toBe(404);
  expect(io.stdout.text).toContain('  Kept       nothing\n');
  const { client, subscription } = await clientOf(webSocketUrl, 'news');
  const heard: unknown[] = [];
  subscription.on('message', ({ payload }) => heard.push(payload));
  await client.publish('news', { own: true });
  const other = await clientOf(webSocketUrl, 'news');
  await other.client.publish('news', { own: false });
  await until(() => heard.length > 0);
  expect(heard).toEqual([{ own: false }]);
  await Promise.all([client.disconnect(), other.client.disconnect()]);
  io.signal('SIGINT');
  expect(await ended).toBe(0);
});

test('echoes with --echo', async () => {
  const { io, ended, webSocketUrl } = await serve('--quiet', '--echo');
  const { client, subscription } = await clientOf(webSocketUrl, 'news');
  const messages = subscription.messages();
  await client.publish('news', { own: true });
  expect((await messages.next()).value).toMatchObject({ payload: { own: true }, seq: 1 });
  await client.disconnect();
  io.signal('SIGINT');
  expect(await ended).toBe(0);
});

test('tells of clients, says goodbye to them, and ends', async () => {
  const { io, ended, webSocketUrl } = await serve();
  const { client } = await clientOf(webSocketUrl, 'news');
  const reason = new Promise<string>((resolve) =>
    client.connection.once('reconnecting', ({ error }) => resolve(error.message)),
  );
  io.signal('SIGTERM');

  expect(await reason).toContain('received 1001 (going away, "Server shutting down")');
  expect(await ended).toBe(143);
  expect(io.stderr.lines).toEqual([
    expect.stringMatching(/^statewire: Asked for a session {2}id [\w-]{36} {2}route \/ws$/),
    'statewire: Ending with 1 client. Ctrl-C ends at once.',
    expect.stringMatching(/^statewire: Session ended {2}id [\w-]{36} {2}route \/ws {2}closeCode 1001 /),
  ]);
});

test('says which port is taken', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  onTestFinished(() => void other.close());
  const { port } = other.address() as AddressInfo;
  const io = new TestIo();

  expect(await io.run('serve', 'channels', '--port', String(port))).toBe(2);
  expect(io.stderr.lines).toEqual([
    `statewire: Port ${port} is taken.`,
    '           Give another one with --port, or 0 for any that is free.',
  ]);
});

test('says that others reach it, where they do', async () => {
  const { io, ended } = await serve('--quiet', '--host', '0.0.0.0');
  await io.stderr.shows('Everybody who reaches this address may read and write every channel.');
  io.signal('SIGINT');
  expect(await ended).toBe(0);
});

test('serves while NATS cannot be reached, and says so without the password', async () => {
  const file = join(temporaryFolder(), 'nats');
  writeFileSync(file, `nats://me:hush@127.0.0.1:${await freePort()}\n`);
  const { io, ended } = await serve('--quiet', '--nats', `@${file}`);
  expect(io.stdout.text).toMatch(/of each channel, by NATS at 127\.0\.0\.1:\d+\n/);
  await until(() => io.stderr.text.includes('It is tried again until it answers.'), { timeoutMs: 10_000 });
  io.signal('SIGINT');

  expect(await ended).toBe(0);
  expect(io.stderr.text).not.toContain('hush');
});

const NATS_WRONG = [
  '--nats is wrong: expected one or several of nats://host:port, with commas in between.',
  'Give one such as nats://127.0.0.1:4222, or @file with it.',
];
const HELP = 'See: statewire serve channels --help';

test.each([
  [['--nats', 'http://hush:hush@x'], ...NATS_WRONG],
  [['--nats', 'nats://'], ...NATS_WRONG],
  [
    ['--nats', 'x', '--history', '0'],
    'NATS keeps at least one message of a channel.',
    'Give --history 1 or more.',
  ],
  [
    ['--history', '-1'],
    "Option '--history <n>' argument '-1' is invalid. Expected a whole number of at least 0.",
    HELP,
  ],
  [['--path', 'ws'], "Option '--path <path>' argument 'ws' is invalid. Expected a path such as /ws.", HELP],
])('%j is wrong usage', async (argv, what, remedy) => {
  const io = new TestIo();

  expect(await io.run('serve', 'channels', ...argv)).toBe(2);
  expect(io.stdout.text).toBe('');
  expect(io.stderr.text).toBe(`statewire: ${what}\n           ${remedy}\n`);
});

test('serve channels --help explains it in lines that fit', async () => {
  const io = new TestIo();

  expect(await io.run('serve', 'channels', '--help')).toBe(0);
  expect(io.stdout.text).toMatch(/^Usage: statewire serve channels/);
  expect(io.stdout.lines.filter((line) => line.length > 100)).toEqual([]);
  expect(io.stderr.text).toBe('');
});

const hasNats = spawnSync('nats-server', ['--version']).status === 0;

describe(`three processes, and the hub killed between them, with ${hasNats ? 'NATS' : 'memory'}`, () => {
  /** Starts NATS if it is there; resolves with what the hub is told of it. */
  async function brokerFlags(): Promise<readonly string[]> {
    if (!hasNats) return [];
    const port = await freePort();
    const nats = spawn(
      'nats-server',
      ['-js', '-a', '127.0.0.1', '-p', String(port), '-sd', temporaryFolder()],
      {
        stdio: 'ignore',
      },
    );
    const gone = once(nats, 'exit');
    onTestFinished(async () => {
      nats.kill('SIGKILL');
      await gone;
    });
    return ['--nats', `nats://127.0.0.1:${port}`];
  }

  /** Waits for processes that have to start first, on a machine that has other things to do. */
  const eventually = (condition: () => boolean, ...all: readonly Spawned[]) =>
    until(condition, {
      timeoutMs: 30_000,
      describe: () => all.map(({ stdout, stderr }) => `${stdout()}${stderr()}`).join('\n'),
    });
  const timesIn = (text: string, part: string): number => text.split(part).length - 1;

  test('what was acknowledged arrives once, and both come back', { timeout: 120_000 }, async () => {
    const port = String(await freePort());
    const flags = ['serve', 'channels', '--port', port, '--quiet', ...(await brokerFlags())];
    const serveAgain = async (): Promise<Spawned> => {
      const hub = spawnCli(...flags);
      await eventually(() => hub.stdout().includes('statewire publish'), hub);
      return hub;
    };
    const address = ['--url', `ws://127.0.0.1:${port}/ws`, '--retry-max-delay', '0.2'];
    const first = await serveAgain();
    const subscriber = spawnCli('subscribe', 'news', ...address);
    const publisher = spawnCli('publish', 'news', ...address, '--timeout', '30');
    const isBack = (times: number) => () => timesIn(subscriber.stderr(), 'subscribed to news') === times;
    const isAcknowledged = (times: number) => () => timesIn(publisher.stdout(), 'acknowledged') === times;
    await eventually(isBack(1), subscriber);
    publisher.child.stdin.write('one\ntwo\n');
    await eventually(isAcknowledged(2), publisher);
    await eventually(() => subscriber.stdout().includes('two'), subscriber);

    first.child.kill('SIGKILL');
    await first.ended;
    await eventually(() => publisher.stderr().includes('reconnecting'), publisher);
    publisher.child.stdin.write('three\n');
    const second = await serveAgain();
    await eventually(isAcknowledged(3), publisher);
    await eventually(isBack(2), subscriber);
    publisher.child.stdin.end('four\n');
    await eventually(() => subscriber.stdout().includes('four'), subscriber, publisher);

    expect(await publisher.ended).toEqual({ code: 0, signal: null });
    // Without NATS what is published before the subscriber is back may be gone with the hub: it is told of a gap.
    const arrived = subscriber
      .stdout()
      .split('\n')
      .filter((line) => hasNats || !line.includes('three'));
    const said = hasNats ? ['one', 'two', 'three', 'four'] : ['one', 'two', 'four'];
    expect(arrived.filter(Boolean)).toEqual(said.map((message) => JSON.stringify({ message })));
    expect(timesIn(subscriber.stderr(), 'gap after message')).toBe(hasNats ? 0 : 1);
    subscriber.child.kill('SIGINT');
    expect(await subscriber.ended).toEqual({ code: 130, signal: null });
    second.child.kill('SIGINT');
    expect(await second.ended).toEqual({ code: 0, signal: null });
  });
});
