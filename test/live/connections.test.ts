// Connections of the same process in the live view: what a page is told of them, and that they notice nothing of it.
import { describe, expect, test } from 'vitest';
import { createActor, createMachine } from 'xstate';
import { Connection, fixedBackoff, type ConnectionOptions } from '../../src/index.ts';
import { parseRecording } from '../../src/inspection/recording.ts';
import { replay } from '../../src/inspection/replay.ts';
import { PuppetServer } from '../../src/testing/puppet-server.ts';
import { until } from '../../src/testing/wait.ts';
import type { LiveView } from '../../visualizations/live/server.ts';
import { Page, view } from './looking.ts';

const AN_HOUR_MS = 3_600_000;

async function connected(live: LiveView, options: Partial<ConnectionOptions> = {}) {
  const server = await PuppetServer.listen({ autoAccept: true });
  const connection = new Connection({
    url: server.url,
    name: 'feed',
    inspect: live,
    heartbeat: false,
    retry: { backoff: fixedBackoff({ delayMs: AN_HOUR_MS }) },
    ...options,
  });
  await connection.connect();
  const socket = await server.accept();
  const end = async () => {
    await connection.disconnect();
    await server.close();
  };
  return { server, connection, socket, [Symbol.asyncDispose]: end };
}

test('lists a connection with its state, and follows it through a loss', async () => {
  const live = await view();
  await using scene = await connected(live);
  const page = await Page.of(live);

  const row = await page.row();
  expect(row).toEqual({
    id: row.id,
    name: 'feed',
    machine: 'connection',
    application: `this process (${process.pid})`,
    state: 'online.open.healthy',
    status: 'live',
    since: row.since,
    lastEvent: 'handshake.accepted',
    events: 4,
    attempt: 0,
  });
  scene.socket.reset();
  const lost = await page.row(({ state }) => state === 'reconnecting.backingOff');

  expect(lost).toMatchObject({ attempt: 1, retryAt: lost.since + AN_HOUR_MS, lastEvent: 'verdict.retry' });
});

test('tells the history of the row that is watched, then what is new, each event once', async () => {
  const live = await view();
  await using scene = await connected(live);
  const page = await Page.of(live);
  const { id } = await page.row();

  const history = await page.watch(id);
  scene.socket.reset();
  await until(() => page.events.includes('verdict.retry'));

  expect(history).toMatchObject({ dropped: 0, machine: { id: 'connection' } });
  expect(history.machine.svg).toContain('data-state="connection.online.open"');
  expect(page.events).toEqual([
    'xstate.init',
    'connect',
    'socket.opened',
    'handshake.accepted',
    'socket.closed',
    'verdict.retry',
  ]);
  const indexes = page.told
    .flatMap((message) => ('entries' in message ? message.entries : []))
    .map(({ index }) => index);
  expect(indexes).toEqual([0, 1, 2, 3, 4, 5]);
});

test('tells the figures of a connection while they change', { timeout: 15_000 }, async () => {
  const live = await view();
  await using scene = await connected(live);
  const page = await Page.of(live);
  await page.watch((await page.row()).id);

  scene.connection.send({ text: 'hello' });
  const sample = await until(() =>
    page
      .all('samples')
      .flatMap((told) => told.samples)
      .find(({ messagesOut }) => messagesOut === 1),
  );

  expect(sample).toMatchObject({ attempts: 1, messagesOut: 1, reconnects: 0 });
});

test('saves a recording with the events of the connection itself, which replays', async () => {
  const live = await view();
  await using scene = await connected(live);
  scene.socket.reset();
  const page = await Page.of(live);
  const { id } = await page.row(({ state }) => state === 'reconnecting.backingOff');

  const response = await fetch(`${live.url}/recordings/${id}.json`);
  const recording = parseRecording(await response.text());

  expect(response.headers.get('content-disposition')).toBe(
    `attachment; filename="connection-${id}.recording.json"`,
  );
  const own = scene.connection.recording()!;
  const eventsOf = ({ events }: typeof own) => events.map(({ event, value }) => ({ event, value }));
  expect(eventsOf(recording)).toEqual(eventsOf(own));
  expect(recording).toMatchObject({ name: 'feed', machine: own.machine, start: own.start, droppedEvents: 0 });
  expect(replay(recording)).toMatchObject({ isSameMachine: true, differences: [] });
});

test('drops the oldest events at the limit, counts them, and still saves a recording that replays', async () => {
  const live = await view({ maxEventsPerConnection: 3 });
  await using scene = await connected(live);
  scene.socket.reset();
  const page = await Page.of(live);
  const { id } = await page.row(({ state }) => state === 'reconnecting.backingOff');

  expect(await page.watch(id)).toMatchObject({
    dropped: 3,
    entries: [{ index: 3 }, { index: 4 }, { index: 5 }],
  });
  const recording = parseRecording(await (await fetch(`${live.url}/recordings/${id}.json`)).text());
  expect(recording).toMatchObject({ droppedEvents: 2, start: { value: { online: 'authenticating' } } });
  expect(replay(recording).differences).toEqual([]);
});

test('shows a recording as a connection that has ended, with what the machine remembered', async () => {
  const live = await view();
  await using scene = await connected(live, { name: 'yesterday' });
  live.show(scene.connection.recording()!);
  const page = await Page.of(live);

  const row = await page.row(({ status }) => status === 'ended');
  const history = await page.watch(row.id);

  expect(row).toMatchObject({
    name: 'yesterday',
    application: 'a recording',
    state: 'online.open.healthy',
    events: 4,
  });
  expect(history.entries.map(({ event }) => event.type)).toEqual([
    'xstate.init',
    'connect',
    'socket.opened',
    'handshake.accepted',
  ]);
  expect(history.entries.at(-1)?.context).toMatchObject({ sessions: 1 });
});

test('shows any machine of XState 5, until it is done', async () => {
  const live = await view();
  const machine = createMachine({
    id: 'light',
    initial: 'red',
    states: { red: { on: { go: 'green' } }, green: { type: 'final' } },
  });
  const actor = createActor(machine, { inspect: (event) => live.next(event) }).start();
  const page = await Page.of(live);
  const { id } = await page.row(({ state }) => state === 'red');

  actor.send({ type: 'go' });

  expect(await page.row(({ status }) => status === 'ended')).toMatchObject({
    id,
    name: 'light',
    state: 'green',
  });
  expect((await page.watch(id)).machine.states.map(({ id }) => id)).toEqual(['light.red', 'light.green']);
});

describe('a secret', () => {
  test('of a connection, and what its user listed, is not shown', async () => {
    const live = await view();
    const server = await PuppetServer.listen({ autoAccept: true });
    const connection = new Connection({
      url: `${server.url}/?token=hunter2-in-url`,
      name: 'the feed of hunter2-in-url',
      inspect: live,
      heartbeat: false,
      redact: [/lemon-\d+/],
      retry: { backoff: fixedBackoff({ delayMs: AN_HOUR_MS }) },
    });
    await connection.connect();
    (await server.accept()).close(4000, 'hunter2-in-url is bad, lemon-17 too');
    const page = await Page.of(live);
    const { id } = await page.row(({ state }) => state === 'reconnecting.backingOff');

    await page.watch(id);
    const recording = await (await fetch(`${live.url}/recordings/${id}.json`)).text();

    expect(JSON.stringify(page.told) + recording).not.toMatch(/hunter2|lemon-17/);
    expect(JSON.stringify(page.told)).toContain('is bad');
    await connection.disconnect();
    await server.close();
  });
});
