// The coordinator's events under their names: listeners, patterns, iterators, and what cannot hurt them.
import { describe, expect, it, vi } from 'vitest';
import type { CoordinatorEvent } from '../../src/coordinator/index.ts';
import { until } from '../../src/testing/wait.ts';
import { quiet } from '../testing/leftovers.ts';
import { connected, coordinatorAnd, fixture, puppetConnected, recordingLogger, untilState } from './setup.ts';

describe('events (S0-09, S0-12, S0-24)', () => {
  it('include the first one, exactly once, the same that connect() gives', async () => {
    const { client } = await coordinatorAnd();
    const heard: unknown[] = [];
    client.on('connection.ok', (event) => heard.push(event));
    const welcome = await client.connect();

    expect(heard).toEqual([welcome]);
    expect(heard[0]).toBe(welcome);
  });

  it('include the first one of each reconnect', async () => {
    const { client, clock, connection } = await connected();
    const heard: CoordinatorEvent[] = [];
    client.on('connection.ok', (event) => heard.push(event));
    connection.socket.reset();
    await untilState(client, 'reconnecting');
    clock.advance(1_000);
    await untilState(client, 'open');

    expect(heard.map(({ connection_id: id }) => id)).toEqual([client.connectionId]);
  });

  it('are handed on as they came', async () => {
    const { client, coordinator } = await connected();
    const heard: unknown[] = [];
    client.on('custom', (event) => heard.push(event));
    const custom = { ...fixture('custom-event'), type: 'custom' };
    coordinator.emit(custom);
    await until(() => heard.length === 1);

    expect(heard).toEqual([custom]);
    expect(heard[0]).toMatchObject({
      custom: { type: 'draw', payload: { x: 1, y: 2 } },
      user: { id: 'ada' },
    });
  });

  it('without a type are called unknown', async () => {
    const { client, socket } = await puppetConnected();
    const heard: unknown[] = [];
    client.on('unknown', (event) => heard.push(event));
    socket.send({ data: 1 });
    socket.send({ type: 5 });
    await until(() => heard.length === 2);

    expect(heard).toEqual([{ data: 1 }, { type: 5 }]);
  });

  it('may come in bytes', async () => {
    const { client, socket } = await puppetConnected();
    const heard: unknown[] = [];
    client.on('a', (event) => heard.push(event));
    socket.send(new TextEncoder().encode('{"type":"a","text":"é"}'));
    await until(() => heard.length === 1);

    expect(heard).toEqual([{ type: 'a', text: 'é' }]);
  });

  it('have names that are nothing but names (S0-39)', async () => {
    const { client, coordinator } = await connected();
    const heard: string[] = [];
    const names = [
      'error',
      '__proto__',
      'constructor',
      'message',
      'close',
      'statechange',
      'failed',
      'xstate.stop',
    ];
    for (const type of names) {
      coordinator.emit({ type });
      client.on(type, () => heard.push(type));
      coordinator.emit({ type });
    }
    coordinator.emit({ type: 'last' });
    client.on('last', () => heard.push('last'));
    await until(() => heard.includes('last'));

    expect([...new Set(heard)]).toEqual([...names, 'last']);
    expect([client.state, coordinator.totalConnections]).toEqual(['open', 1]);
  });

  it('are not confused by a __proto__ on the wire', async () => {
    const { client, socket } = await puppetConnected();
    const heard: unknown[] = [];
    client.on('a', (event) => heard.push(event));
    socket.send('{"__proto__":{"polluted":true},"type":"a"}');
    await until(() => heard.length === 1);

    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    expect(Object.getPrototypeOf(heard[0])).toBe(Object.prototype);
  });

  it('of type error, with nobody to listen, do nothing', async () => {
    const { client, coordinator } = await connected();
    coordinator.emit({ type: 'error' });
    coordinator.emit({ type: 'connection.error' });
    await until(() => client.stats.messagesIn === 3);

    expect([client.state, coordinator.totalConnections]).toEqual(['open', 1]);
  });

  it('can be listened to once, and no longer', async () => {
    const { client, coordinator } = await connected();
    const [once, off, returned, last] = [vi.fn(), vi.fn(), vi.fn(), vi.fn()];
    client.once('a', once);
    client.on('a', off);
    const forget = client.on('a', returned);
    coordinator.emit({ type: 'a' });
    await until(() => returned.mock.calls.length === 1);
    client.off('a', off);
    forget();
    client.on('a', last);
    coordinator.emit({ type: 'a' });
    await until(() => last.mock.calls.length === 1);

    expect([once, off, returned].map((listener) => listener.mock.calls.length)).toEqual([1, 1, 1]);
  });

  it('can be emitted by the user, to the listeners only', async () => {
    const { client, connection } = await connected();
    const heard = vi.fn();
    client.on('custom', heard);
    client.emit('custom', fixture('custom-event'));

    expect(heard.mock.calls).toEqual([[fixture('custom-event')]]);
    expect(connection.received).toHaveLength(1);
  });
});

describe('patterns (S0-38)', () => {
  it('take everything, one level, or all levels', async () => {
    const { client, coordinator } = await connected();
    const patterns = ['*', 'call.*', 'call.**', 'call.member.added'];
    const heard = new Map<string, unknown[]>();
    for (const pattern of patterns) {
      const types: unknown[] = [];
      heard.set(pattern, types);
      client.on(pattern, ({ type }) => types.push(type));
    }
    for (const type of ['call.created', 'call.member.added', 'custom']) coordinator.emit({ type });
    await until(() => heard.get('*')!.length === 3);

    expect(Object.fromEntries(heard)).toEqual({
      '*': ['call.created', 'call.member.added', 'custom'],
      'call.*': ['call.created'],
      'call.**': ['call.created', 'call.member.added'],
      'call.member.added': ['call.member.added'],
    });
  });
});

describe('listeners that fail (S0-39)', () => {
  it('hurt neither the others nor the connection, and are logged', async () => {
    const { logger, lines } = recordingLogger();
    const { client, coordinator } = await connected({ logger });
    const heard = vi.fn();
    const [thrown, rejected] = [new Error('thrown'), new Error('rejected')];
    client.on('a', () => {
      throw thrown;
    });
    client.on('*', () => Promise.reject(rejected));
    client.on('a', heard);
    coordinator.emit({ type: 'a' });
    coordinator.emit({ type: 'b' });
    await until(() => lines.filter(([level]) => level === 'error').length === 3);

    expect(lines.filter(([level]) => level === 'error')).toMatchObject([
      ['error', 'A listener of "a" failed: thrown.', { error: { code: 'LISTENER_FAILED', cause: thrown } }],
      ['error', 'A listener of "a" failed: rejected.', { error: { cause: rejected } }],
      ['error', 'A listener of "b" failed: rejected.', { error: { cause: rejected } }],
    ]);
    expect(heard).toHaveBeenCalledTimes(1);
    expect([client.state, coordinator.totalConnections]).toEqual(['open', 1]);
  });

  it('become a warning of the process without a logger', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockReturnValue(undefined);
    const { client, coordinator } = await connected();
    client.on('a', () => {
      throw new Error('mine');
    });
    coordinator.emit({ type: 'a' });
    await until(() => warn.mock.calls.length > 0);

    expect(warn.mock.calls).toMatchObject([[{ code: 'LISTENER_FAILED', name: 'CoordinatorError' }]]);
    warn.mockRestore();
  });
});

describe('frames that mean nothing (S0-39)', () => {
  it.each<[string, string | Uint8Array]>([
    ['invalid JSON', '{"type":'],
    ['an array', '[1]'],
    ['a number', '5'],
    ['null', 'null'],
    ['bytes that are no text', new Uint8Array([0xc3, 0x28])],
    ['a very deep array', '['.repeat(100_000)],
  ])('are logged and told, and nothing else: %s', async (_, frame) => {
    const { logger, lines } = recordingLogger();
    const { client, socket } = await puppetConnected({ logger });
    const [invalid, heard] = [vi.fn(), vi.fn()];
    client.connection.on('invalidMessage', invalid);
    client.on('*', heard);
    socket.send(frame);
    socket.send(fixture('custom-event'));
    await until(() => heard.mock.calls.length === 1);

    expect(heard.mock.calls).toEqual([[fixture('custom-event')]]);
    expect(invalid.mock.calls).toMatchObject([[{ error: { code: 'INVALID_MESSAGE' } }]]);
    expect(lines.filter(([level]) => level === 'warn')).toMatchObject([
      ['warn', expect.any(String), { error: {} }],
    ]);
    expect([client.state, client.stats.invalidMessages]).toEqual(['open', 1]);
  });
});

describe('listen() (S0-33)', () => {
  it('gives every consumer its own events, from the first on', async () => {
    const { client, coordinator } = await coordinatorAnd();
    const consume = async (pattern: string) => {
      const types: unknown[] = [];
      for await (const { type } of client.listen(pattern)) types.push(type);
      return types;
    };
    const consumers = ['*', '*', 'call.*', 'custom'].map(consume);
    await client.connect();
    for (const type of ['call.created', 'call.member.added', 'custom']) coordinator.emit({ type });
    await until(() => client.stats.messagesIn === 4);
    await client.disconnect();

    const all = ['connection.ok', 'call.created', 'call.member.added', 'custom'];
    expect(await Promise.all(consumers)).toEqual([all, all, ['call.created'], ['custom']]);
  });

  it('goes on across a reconnect, and across a second connect()', async () => {
    const { client, clock, coordinator, connection } = await connected();
    const events = client.listen('custom');
    const next = async (n: number) => {
      coordinator.emit({ type: 'custom', n });
      const { value } = (await events.next()) as IteratorYieldResult<CoordinatorEvent>;
      return value['n'];
    };
    const seen = [await next(1)];
    connection.socket.reset();
    await untilState(client, 'reconnecting');
    clock.advance(1_000);
    await untilState(client, 'open');
    seen.push(await next(2));
    await client.connect();
    seen.push(await next(3));

    expect(seen).toEqual([1, 2, 3]);
  });

  it('ends with its signal', async () => {
    const { client } = await connected();
    const controller = new AbortController();
    const waiting = client.listen('*', { signal: controller.signal }).next();
    const reason = new Error('enough');
    controller.abort(reason);

    await expect(waiting).rejects.toBe(reason);
  });

  it('ends with the loop that uses it', async () => {
    const { client, coordinator } = await connected();
    coordinator.emit({ type: 'a' });
    const events = client.listen('a');
    for await (const event of events) {
      expect(event).toEqual({ type: 'a' });
      break;
    }

    expect(await events.next()).toEqual({ done: true, value: undefined });
  });

  it('holds the coordinator back when a consumer does not read, and loses nothing', async () => {
    const { client, coordinator } = await connected();
    const events = client.listen('n', { maxBuffered: 10 });
    const total = 2_000;
    const padding = 'x'.repeat(10_000);
    for (let n = 1; n <= total; n += 1) coordinator.emit({ type: 'n', n, padding });
    let came: number;
    do {
      came = client.stats.messagesIn;
      await quiet();
    } while (came !== client.stats.messagesIn);
    expect(came).toBeGreaterThan(10);
    expect(came).toBeLessThan(total);
    const seen: unknown[] = [];
    for await (const { n } of events) {
      seen.push(n);
      if (n === total) break;
    }

    expect(seen).toEqual(Array.from({ length: total }, (_, index) => index + 1));
  });
});
