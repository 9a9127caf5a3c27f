// What a broker over NATS does when NATS goes away, comes back, is another one or none at all.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nanos } from '@nats-io/transport-node';
import { natsBroker } from '../../../src/server/channels/nats/broker.ts';
import type { NatsBrokerOptions } from '../../../src/server/channels/nats/options.ts';
import type { Broker } from '../../../src/server/channels/broker.ts';
import { FaultProxy } from '../../../src/testing/fault-proxy.ts';
import { until } from '../../../src/testing/wait.ts';
import { Ear, newMessage, numbers, publishAll } from './broker-contract.ts';
import { DOMAIN, findNatsServer, NatsServer } from './nats-server.ts';

const path = findNatsServer() ?? '';
const STREAM = 'STATEWIRE_CHANNELS';
const PATIENCE = 30_000;

/** What comes out of a rejection. */
const failureOf = async (promise: Promise<unknown>): Promise<Error & { readonly retryable?: boolean }> => {
  const failed: unknown = await promise.then(
    () => new Error('It did not fail.'),
    (thrown: unknown) => thrown,
  );
  return failed as Error;
};

/** The port of a `FaultProxy`, as NATS wants an address. */
const addressOf = (proxy: FaultProxy): string => new URL(proxy.url).host;

describe.skipIf(path === '')('a broker over NATS', { timeout: PATIENCE }, () => {
  /** Undone at the end, last first. */
  let toUndo: (() => Promise<void>)[];
  let server: NatsServer;

  const brokerAt = (options: NatsBrokerOptions = {}): Broker => {
    const broker = natsBroker({ servers: server.address, ...options });
    toUndo.push(() => broker.close());
    return broker;
  };

  const proxyToServer = async (): Promise<FaultProxy> => {
    const proxy = await FaultProxy.listen(`nats://${server.address}`);
    toUndo.push(() => proxy.close());
    return proxy;
  };

  beforeEach(async () => {
    toUndo = [];
    server = await NatsServer.start(path);
  });

  afterEach(async () => {
    for (const undo of toUndo.reverse()) await undo();
    await server[Symbol.asyncDispose]();
  });

  it('goes on when NATS was killed and comes back: nothing is missed, nothing comes twice', async () => {
    const [one, other] = [brokerAt({ maxMessages: 10_000 }), brokerAt({ maxMessages: 10_000 })];
    const ear = await Ear.follow(other, 'news');
    const first = publishAll(one, 'news', numbers(300));
    await ear.hears(100);
    await server.kill();
    const meanwhile = publishAll(one, 'news', numbers(300, 300));
    await server.comeBack();
    const last = publishAll(one, 'news', numbers(300, 600));
    const seqs = (await Promise.all([first, meanwhile, last])).flat().map(({ seq }) => seq);
    expect(await ear.hears(900)).toEqual(numbers(900));
    expect(ear.heard.map(({ seq }) => seq)).toEqual(seqs);
    expect(ear.lost).toEqual([]);
  });

  it('knows a message that it published before NATS was killed', async () => {
    const broker = brokerAt();
    const message = newMessage('once', { messageId: 'the id' });
    const { seq } = await broker.publish('news', message);
    await server.kill();
    await server.comeBack();
    expect(await broker.publish('news', message)).toEqual({ seq, isDuplicate: true });
  });

  it.each([
    ['toServer', 7_919],
    ['toClient', 2_503],
  ] as const)(
    'publishes each message once and in order, wherever the connection is cut %s',
    async (direction, most) => {
      const proxy = await proxyToServer();
      const broker = brokerAt({ servers: addressOf(proxy), maxMessages: 10_000 });
      const ear = await Ear.follow(brokerAt({ maxMessages: 10_000 }), 'news');
      await broker.publish('news', newMessage('ready'));
      await ear.hears(1);
      // Odd numbers of bytes, so that cuts fall into headers, bodies and confirmations.
      for (const bytes of [1, 113, 1_009, most]) {
        const from = ear.heard.length - 1;
        const { connections } = proxy.stats;
        proxy.cutAfter(bytes, { direction, times: 1 });
        await publishAll(broker, 'news', numbers(50, from));
        expect(await ear.hears(from + 51)).toEqual(['ready', ...numbers(from + 50)]);
        expect(proxy.stats.connections).toBeGreaterThan(connections);
      }
      expect(ear.lost).toEqual([]);
    },
  );

  it('reads what it missed while only its own connection was lost', async () => {
    const proxy = await proxyToServer();
    const ear = await Ear.follow(brokerAt({ servers: addressOf(proxy) }), 'news');
    const publisher = brokerAt();
    await publishAll(publisher, 'news', numbers(5));
    await ear.hears(5);
    await proxy.goAway();
    await publishAll(publisher, 'news', numbers(50, 5));
    await proxy.comeBack();
    expect(await ear.hears(55)).toEqual(numbers(55));
    await publishAll(publisher, 'news', ['live again']);
    expect(await ear.hears(56)).toEqual([...numbers(55), 'live again']);
  });

  it('finds out by the number of the message before that some were not handed on', async () => {
    // The broker stays connected to a NATS server that loses its way to the one where the stream is.
    const { leaf, proxy } = await leafOf(server);
    toUndo.push(
      () => proxy.close(),
      () => leaf[Symbol.asyncDispose](),
    );
    const broker = brokerAt({ servers: leaf.address, domain: DOMAIN });
    const ear = await Ear.follow(broker, 'news');
    const publisher = brokerAt();
    await publishAll(publisher, 'news', [0]);
    await ear.hears(1);
    await proxy.goAway();
    await publishAll(publisher, 'news', [1, 2, 3]);
    await proxy.comeBack();
    await until(() => leaf.errors.split('JetStream Not Extended').length > 2, { timeoutMs: 15_000 });
    expect(ear.payloads).toEqual([0]);
    expect(broker.trouble).toBeUndefined();
    await publishAll(publisher, 'news', [4, 5]);
    expect(await ear.hears(6)).toEqual(numbers(6));
    expect(ear.lost).toEqual([]);
  });

  it('gives a channel up when NATS has no more of what was missed', async () => {
    const proxy = await proxyToServer();
    const ear = await Ear.follow(brokerAt({ servers: addressOf(proxy), maxMessages: 10 }), 'news');
    const publisher = brokerAt({ maxMessages: 10 });
    await proxy.goAway();
    await publishAll(publisher, 'news', numbers(20));
    await proxy.comeBack();
    await until(() => ear.lost.length > 0);
    expect(ear.lost).toEqual(['Messages were missed that NATS has no more.']);
    expect(ear.heard).toEqual([]);
  });

  it('tells another epoch, and gives its channels up, when the stream was made anew', async () => {
    const [one, other] = [brokerAt(), brokerAt()];
    const ear = await Ear.follow(one, 'news');
    const before = await one.publish('news', newMessage('before'));
    await ear.hears(1);
    await server.manage((manager) => manager.streams.delete(STREAM));
    const after = await other.publish('news', newMessage('after'));
    await until(() => ear.lost.length > 0);
    expect(ear.lost).toEqual(['The stream of NATS was made anew.']);
    expect(after.seq).toBeLessThanOrEqual(before.seq);
    const again = await Ear.follow(one, 'news');
    expect(again.following.epoch).not.toBe(ear.following.epoch);
    expect(again.following.position).toBe(after.seq);
    await publishAll(one, 'news', ['and on']);
    expect(await again.hears(1)).toEqual(['and on']);
    expect(ear.payloads).toEqual(['before']);
  });

  it('gives its channels up when NATS comes back without what it had stored', async () => {
    const broker = brokerAt();
    const ear = await Ear.follow(broker, 'news');
    await server.kill();
    await server.forget();
    const published = publishAll(broker, 'news', ['kept in the new stream']);
    await server.comeBack();
    await published;
    await until(() => ear.lost.length > 0);
    expect(ear.lost).toEqual(['The stream of NATS was made anew.']);
  });

  it('agrees on one stream when several brokers want to make it at once', async () => {
    const brokers = numbers(6).map(() => brokerAt());
    const ears = await Promise.all(brokers.map((broker) => Ear.follow(broker, 'news')));
    expect(new Set(ears.map(({ following }) => following.epoch)).size).toBe(1);
    expect(new Set(ears.map(({ following }) => following.position)).size).toBe(1);
    await Promise.all(brokers.map((broker, index) => publishAll(broker, 'news', [index])));
    const [first] = await Promise.all(ears.map((ear) => ear.hears(6)));
    expect([...(first ?? [])].sort()).toEqual(numbers(6));
    for (const ear of ears) expect(ear.heard).toEqual(ears[0]?.heard);
  });

  it('says what differs when there is a stream of other settings, leaves it as it is, and goes on when it was changed', async () => {
    await brokerAt({ maxMessages: 7, maxAgeMs: 60_000 }).publish('news', newMessage('first'));
    const broker = brokerAt({ maxMessages: 8, duplicateWindowMs: 60_000 });
    const failure = await failureOf(broker.publish('news', newMessage('second')));
    expect(failure.message).toBe(
      `The NATS stream ${STREAM} has other settings: max_msgs_per_subject is 8, wanted 9; max_age is 60000000000, wanted 86400000000000. Give the same options to all hubs; to change them, delete the stream or edit it, or choose another prefix.`,
    );
    expect(failure.retryable).toBe(false);
    expect(await failureOf(Ear.follow(broker, 'news'))).toBe(failure);
    expect(broker.trouble).toBe(failure.message);
    await server.manage((manager) =>
      manager.streams.update(STREAM, { max_msgs_per_subject: 9, max_age: nanos(86_400_000) }),
    );
    await until(() => broker.trouble === undefined);
    expect((await broker.publish('news', newMessage('second'))).isDuplicate).toBe(false);
  });

  it('says that NATS is not there when it had its time, and goes on when it is', async () => {
    await server.kill();
    const broker = brokerAt({ timeoutMs: 300 });
    const failures = await Promise.all([
      failureOf(broker.publish('news', newMessage(1))),
      failureOf(Ear.follow(broker, 'news')),
      failureOf(broker.replay('news', { after: 1, upTo: 2 })),
    ]);
    for (const { message, retryable } of failures) {
      expect(message).toMatch(/^NATS at 127\.0\.0\.1:\d+ is not available: .*ECONNREFUSED/);
      expect(retryable).toBe(true);
    }
    expect(broker.trouble).toBe(failures[0].message);
    await server.comeBack();
    await until(() => broker.trouble === undefined);
    const ear = await Ear.follow(broker, 'news');
    await publishAll(broker, 'news', ['there']);
    expect(await ear.hears(1)).toEqual(['there']);
  });

  it('says that NATS lost its connection, and does not keep what was given up', async () => {
    const broker = brokerAt({ timeoutMs: 300 });
    const ear = await Ear.follow(broker, 'news');
    await server.kill();
    const failure = await failureOf(broker.publish('news', newMessage('given up')));
    expect(failure.message).toContain('is not available: ');
    await server.comeBack();
    await until(() => broker.trouble === undefined);
    await publishAll(broker, 'news', ['kept']);
    expect(await ear.hears(1)).toEqual(['kept']);
  });

  it('rejects what NATS would refuse, and goes on', async () => {
    const broker = brokerAt();
    const failure = await failureOf(broker.publish('news', newMessage('x'.repeat(2_000_000))));
    expect(failure.message).toBe("NATS did not take the message: 'payload' max_payload size exceeded.");
    expect((await broker.publish('news', newMessage('small'))).isDuplicate).toBe(false);
  });

  it('waits for a silent network no longer than it may, and publishes again when it speaks', async () => {
    const proxy = await proxyToServer();
    const broker = brokerAt({ servers: addressOf(proxy), timeoutMs: 1_000 });
    const ear = await Ear.follow(brokerAt(), 'news');
    await broker.publish('news', newMessage('before'));
    proxy.freeze();
    const asked = performance.now();
    const failure = await failureOf(broker.publish('news', newMessage('during', { messageId: 'a' })));
    expect(performance.now() - asked).toBeLessThan(5_000);
    expect(failure.retryable).toBe(true);
    proxy.thaw();
    // Nobody knows whether it was stored: its id makes it safe to say it again.
    await until(() => broker.trouble === undefined);
    await broker.publish('news', newMessage('during', { messageId: 'a' }));
    await broker.publish('news', newMessage('after'));
    expect(await ear.hears(3)).toEqual(['before', 'during', 'after']);
  });

  it('asks NATS once for what many have missed, and then remembers it', async () => {
    const broker = brokerAt({ maxMessages: 50 });
    const [published] = await publishAll(broker, 'news', numbers(50));
    const ear = await Ear.follow(broker, 'news');
    const range = { after: published?.seq ?? 0, upTo: ear.following.position };
    const before = await apiCalls(server);
    const replays = await Promise.all(numbers(100).map(() => broker.replay('news', range)));
    expect((await apiCalls(server)) - before).toBeLessThan(100);
    for (const { messages, isComplete } of replays) {
      expect(isComplete).toBe(true);
      expect(messages.map(({ payload }) => payload)).toEqual(numbers(49, 1).map(String));
    }
    await server.kill();
    expect(await broker.replay('news', range)).toEqual(replays[0]);
  });

  it('tells other brokers what is signalled, and not itself', async () => {
    const [one, other] = [brokerAt(), brokerAt()];
    const heard: string[] = [];
    const stop = other.onSignal?.('who is there? 😀', (text) => heard.push(text));
    one.onSignal?.('who is there? 😀', (text) => heard.push(`itself: ${text}`));
    // Nobody keeps a signal: both must be there.
    await Promise.all([Ear.follow(one, 'news'), Ear.follow(other, 'news')]);
    one.signal?.('who is there? 😀', 'é');
    one.signal?.('other topic', 'not asked for');
    one.signal?.('who is there? 😀', 'second');
    await until(() => heard.length >= 2);
    stop?.();
    one.signal?.('who is there? 😀', 'third');
    await Promise.all([publishAll(one, 'news', [1]), Ear.follow(other, 'sports')]);
    expect(heard).toEqual(['é', 'second']);
  });

  it('hands on what another program publishes, if it is JSON', async () => {
    const ear = await Ear.follow(brokerAt(), 'news');
    await server.manage(async (manager) => {
      const client = manager.jetstream();
      await client.publish('statewire.channels.news', 'no JSON');
      await client.publish('statewire.channels.news', '{"from":"outside"}');
    });
    await ear.hears(1);
    expect(ear.heard).toEqual([
      { seq: 3, payload: '{"from":"outside"}', messageId: undefined, publisher: '' },
    ]);
  });

  it('rejects what is asked of a closed broker, and what still waited', async () => {
    await server.kill();
    const broker = brokerAt();
    const waiting = [broker.publish('news', newMessage(1)), Ear.follow(broker, 'news')];
    const failures = Promise.all(waiting.map(failureOf));
    await broker.close();
    await broker.close();
    for (const { message } of await failures) expect(message).toBe('The broker is closed.');
    const late = [broker.publish('news', newMessage(1)), broker.replay('news', { after: 0, upTo: 1 })];
    for (const { message } of await Promise.all(late.map(failureOf)))
      expect(message).toBe('The broker is closed.');
    expect(broker.trouble).toBe('The broker is closed.');
  });

  it('lets what was published be confirmed before it closes', async () => {
    const broker = brokerAt();
    await broker.publish('news', newMessage('ready'));
    const published = publishAll(broker, 'news', numbers(100));
    await broker.close();
    expect(await published).toHaveLength(100);
  });

  it.each([
    ['NATS is there', true],
    ['NATS is not there', false],
  ])('leaves nothing behind when it is closed and %s', async (_when, isThere) => {
    if (!isThere) await server.kill();
    // A process that has nothing left ends by itself.
    const child = spawn(
      process.execPath,
      [
        '--conditions=statewire-source',
        '--import=tsx',
        'test/server/channels/open-and-close.ts',
        server.address,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    toUndo.push(async () => void child.kill('SIGKILL'));
    let said = '';
    child.stdout.on('data', (chunk) => (said += String(chunk)));
    const [code] = (await once(child, 'exit')) as [number | null];
    expect({ code, said }).toEqual({ code: 0, said: isThere ? 'published\nclosed\n' : 'failed\nclosed\n' });
  });
});

describe('the options of a broker over NATS', () => {
  it.each([
    [{ servers: [] }, 'servers'],
    [{ servers: '' }, 'servers'],
    [{ connection: 'user:s3cret' as never }, 'connection'],
    [{ prefix: 'a.b' }, 'prefix'],
    [{ prefix: '' }, 'prefix'],
    [{ domain: 'a.*' }, 'domain'],
    [{ maxMessages: 0 }, 'maxMessages'],
    [{ maxAgeMs: 10 }, 'maxAgeMs'],
    [{ maxBytes: 1 }, 'maxBytes'],
    [{ replicas: 7 }, 'replicas'],
    [{ storage: 'tape' as never }, 'storage'],
    [{ duplicateWindowMs: NaN }, 'duplicateWindowMs'],
    [{ timeoutMs: 0 }, 'timeoutMs'],
  ] satisfies [NatsBrokerOptions, string][])('refuses %j, and names %s', (options, name) => {
    expect(() => natsBroker(options)).toThrow(`\`${name}\``);
    expect(() => natsBroker(options)).not.toThrow(/s3cret/);
  });
});

describe.skipIf(path === '')('credentials for NATS', { timeout: PATIENCE }, () => {
  const SECRETS = /s3cret|wr0ng/;

  it('never come out, and are asked for again and again until NATS accepts them', async () => {
    const credentials = { user: 'hub', pass: 's3cret-word' };
    await using server = await NatsServer.start(path, { credentials });
    const connection = { user: 'hub', pass: 'wr0ng-word' };
    const broker = natsBroker({
      servers: `nats://hub:wr0ng-word@${server.address}`,
      connection,
      timeoutMs: 500,
    });
    try {
      const failure = await failureOf(broker.publish('news', newMessage(1)));
      expect(failure.message).toBe(
        `NATS at ${server.address} is not available: NATS does not accept the credentials; give others in \`connection\`.`,
      );
      for (let at: unknown = failure; at instanceof Error; at = at.cause)
        expect(`${at.message} ${JSON.stringify(at)} ${String(at.stack)}`).not.toMatch(SECRETS);
      expect(broker.trouble).toBe(failure.message);
    } finally {
      await broker.close();
    }
    const right = natsBroker({
      servers: server.address,
      connection: credentials,
    });
    try {
      expect((await right.publish('news', newMessage(1))).seq).toBe(1);
    } finally {
      await right.close();
    }
  });
});

/** Another NATS server, without a store, that knows of the stream by way of the first one. */
async function leafOf(hub: NatsServer): Promise<{ readonly leaf: NatsServer; readonly proxy: FaultProxy }> {
  const proxy = await FaultProxy.listen(`nats://127.0.0.1:${hub.leafPort}`);
  const leaf = await NatsServer.start(path, { leafOf: addressOf(proxy) });
  return { leaf, proxy };
}

/** How often anybody has asked for anything but publishing. */
const apiCalls = (server: NatsServer): Promise<number> =>
  server.manage(async (manager) => (await manager.getAccountInfo()).api.total);
