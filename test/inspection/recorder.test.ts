// The flight recorder: what it keeps, what it leaves out, and what it costs the connection: nothing.
import { assign, createActor, createMachine } from 'xstate';
import { describe, expect, test } from 'vitest';
import { Connection, recorder, text, type Recording } from '../../src/index.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { until } from '../../src/testing/wait.ts';
import { FakeTransport } from '../support/fake-transport.ts';

async function opened(options: Partial<ConstructorParameters<typeof Connection<string>>[0]> = {}) {
  const clock = new VirtualClock();
  const transport = new FakeTransport();
  const connection = new Connection<string>({
    url: 'ws://user:hunter@fake.test/feed?token=hunter',
    protocol: text(),
    clock,
    transport,
    ...options,
  });
  const connecting = connection.connect();
  await until(() => transport.links.length > 0);
  const { link } = transport;
  clock.advance(40);
  link.open();
  await connecting;
  return { clock, link, connection };
}

const typesOf = (recording: Recording | undefined) => recording?.events.map(({ event }) => event.type);

describe('a recording', () => {
  test('tells each control event, when it was taken, and the state it led to', async () => {
    const { connection, link, clock } = await opened();
    link.end({ closeCode: 1012, closeReason: 'restart' });
    clock.advance(0);

    expect(connection.recording()?.events.slice(0, 4)).toEqual([
      { atMs: 0, event: { type: 'connect' }, value: { online: 'connecting' } },
      { atMs: 40, event: { type: 'socket.opened' }, value: { online: 'authenticating' } },
      { atMs: 40, event: { type: 'handshake.accepted' }, value: { online: { open: 'healthy' } } },
      {
        atMs: 40,
        event: {
          type: 'socket.closed',
          failure: {
            code: 'CLOSED_BY_PEER',
            cure: 'retryLater',
            details: { phase: 'open', closeCode: 1012, closeReason: 'restart' },
          },
        },
        value: 'deciding',
      },
    ]);
  });

  test('names the connection by its URL without secrets, or as its option says', async () => {
    const { connection } = await opened();
    const named = await opened({ name: 'the feed' });

    expect(connection.recording()?.name).toBe('ws://fake.test/feed?token=***');
    expect(named.connection.recording()?.name).toBe('the feed');
  });

  test('holds no message unless it was asked for', async () => {
    const { connection, link } = await opened();
    connection.send('out');
    link.receive('in');

    expect(connection.recording()).not.toHaveProperty('messages');
    expect(JSON.stringify(connection.recording())).not.toContain('"out"');
  });

  test('holds the last messages when it was asked for them', async () => {
    const { connection, link } = await opened({ recorder: recorder({ messages: 2 }) });
    connection.send('first');
    connection.send('second');
    link.receive('third');

    expect(connection.recording()?.messages).toEqual([
      { atMs: 40, direction: 'out', message: 'second' },
      { atMs: 40, direction: 'in', message: 'third' },
    ]);
  });

  test('keeps the last events only, counts the others, and starts from the state before them', async () => {
    const { connection } = await opened({ recorder: recorder({ events: 1 }) });

    const recording = connection.recording();

    expect([typesOf(recording), recording?.droppedEvents]).toEqual([['handshake.accepted'], 2]);
    expect(recording?.start).toMatchObject({
      value: { online: 'authenticating' },
      context: { phase: 'authenticating' },
    });
  });

  test('is undefined for a connection that keeps none', async () => {
    const { connection } = await opened({ recorder: false });

    expect(connection.recording()).toBeUndefined();
  });

  test('is of messages in no way: a thousand of them are no event', async () => {
    const { connection, link } = await opened();
    const before = connection.recording()?.events.length;
    for (let sent = 0; sent < 1_000; sent += 1) {
      connection.send('out');
      link.receive('in');
    }

    expect(connection.recording()?.events).toHaveLength(before!);
  });
});

describe('a recorder', () => {
  test('records any XState actor whose inspector it is', () => {
    const lamp = createMachine({
      id: 'lamp',
      initial: 'off',
      states: { off: { on: { push: 'on' } }, on: { on: { push: 'off' } } },
    });
    const flight = recorder();
    const actor = createActor(lamp, { inspect: (event) => flight.next(event) }).start();
    actor.send({ type: 'push' });

    const { machine, start, events } = flight.recording();
    expect([machine.id, start.value, events.map(({ value }) => value)]).toEqual(['lamp', 'off', ['on']]);
  });

  test('starts from the context that the machine had then, though a later one has other fields', () => {
    const counter = createMachine({
      id: 'counter',
      context: { pushes: 0 } as Record<string, number>,
      on: {
        push: { actions: assign({ pushes: ({ context }) => (context['pushes'] ?? 0) + 1 }) },
        mark: { actions: assign({ mark: 7 }) },
      },
    });
    const flight = recorder({ events: 2 });
    const actor = createActor(counter, { inspect: (event) => flight.next(event) }).start();
    for (const type of ['push', 'push', 'mark']) actor.send({ type });

    expect(flight.recording().start.context).toEqual({ pushes: 1 });
  });

  test('is for one connection', () => {
    const shared = recorder();
    const options = { url: 'ws://fake.test', recorder: shared };
    new Connection(options);

    expect(() => new Connection(options)).toThrow(
      'Expected `recorder` to be a recorder() that no other connection has, got an object.',
    );
  });

  test.each([
    [{ events: 0 }, 'Expected `recorder.events` to be a whole number of at least 1, got `0` (number).'],
    [{ events: 1.5 }, 'Expected `recorder.events` to be a whole number of at least 1, got `1.5` (number).'],
    [{ messages: -1 }, 'Expected `recorder.messages` to be a whole number of at least 0, got `-1` (number).'],
  ])('refuses %j', (options, message) => {
    expect(() => recorder(options)).toThrow(message);
  });
});
