// An application tells a live view in another process: all of it in order, and itself not disturbed when it cannot.
import { describe, expect, onTestFinished, test } from 'vitest';
import { createActor, createMachine } from 'xstate';
import { remoteInspector, type RemoteInspectorOptions } from '../../src/inspection/index.ts';
import { Connection } from '../../src/index.ts';
import { PuppetServer, type PuppetSocket } from '../../src/testing/puppet-server.ts';
import { until } from '../../src/testing/wait.ts';
import { Page, view } from '../live/looking.ts';

interface Told {
  readonly type: string;
  readonly name?: string;
  readonly event?: { readonly type: string };
  readonly snapshot?: { readonly value?: unknown };
}

const machine = createMachine({
  id: 'light',
  initial: 'red',
  states: { red: { on: { go: 'green' } }, green: { on: { stop: 'red' } } },
});

function inspector(options: RemoteInspectorOptions) {
  const made = remoteInspector(options);
  onTestFinished(() => made.close());
  return made;
}

/** What a server was told, as frames. */
const framesOf = (socket: PuppetSocket): Told[] =>
  socket.frames.map((frame) => JSON.parse(String(frame)) as Told);

const summary = (frames: Told[]): string[] =>
  frames.map(({ type, name, event, snapshot }) =>
    [type, name, event?.type, snapshot?.value].filter((part) => typeof part === 'string').join(' '),
  );

test(
  'tells a live view of a connection, by its name, with its states and figures',
  { timeout: 15_000 },
  async () => {
    const live = await view();
    const page = await Page.of(live);
    const server = await PuppetServer.listen({ autoAccept: true });
    const inspect = inspector({ url: live.url, application: 'shop' });
    const connection = new Connection({ url: server.url, name: 'feed', inspect, heartbeat: false });
    await connection.connect();

    const row = await page.row(({ state }) => state === 'online.open.healthy');
    expect(row).toMatchObject({
      name: 'feed',
      machine: 'connection',
      application: 'shop',
      status: 'live',
      attempt: 0,
    });
    const history = await page.watch(row.id);
    expect(history.entries.map(({ event }) => event.type)).toEqual([
      'xstate.init',
      'connect',
      'socket.opened',
      'handshake.accepted',
    ]);
    expect(history.machine.svg).toContain('data-state="connection.online.open"');
    await until(() => page.all('samples').length + history.samples.length > 0);
    await connection.disconnect();
    await page.row(({ state }) => state === 'closed');
    await server.close();
  },
);

test('introduces itself and every actor before it tells of them', async () => {
  const server = await PuppetServer.listen({ autoAccept: true });
  onTestFinished(() => server.close());
  const inspect = inspector({ url: server.url, application: 'shop' });
  const actor = createActor(machine, { inspect: (told) => inspect.next(told) }).start();
  actor.send({ type: 'go' });
  const socket = await server.accept();
  await until(() => socket.frames.length === 6);

  expect(summary(framesOf(socket))).toEqual([
    'statewire.application shop',
    '@xstate.actor light red',
    '@xstate.event xstate.init',
    '@xstate.snapshot xstate.init red',
    '@xstate.event go',
    '@xstate.snapshot go green',
  ]);
});

test('tells how everything is by then, after too much had to wait, and counts what was dropped', async () => {
  const server = await PuppetServer.listen({ autoAccept: true });
  onTestFinished(() => server.close());
  const inspect = inspector({ url: server.url, maxWaiting: 10 });
  const actor = createActor(machine, { inspect: (told) => inspect.next(told) }).start();
  for (let turn = 0; turn < 5; turn += 1) actor.send({ type: turn % 2 === 0 ? 'go' : 'stop' });
  const socket = await server.accept();
  await until(() => socket.frames.length >= 2);
  actor.send({ type: 'stop' });
  await until(() => summary(framesOf(socket)).includes('@xstate.snapshot stop red'));

  expect(inspect.dropped).toBe(13);
  expect(summary(framesOf(socket)).slice(1)).toContain('@xstate.actor light green');
});

test('tells everything anew to a live view that comes back', async () => {
  const server = await PuppetServer.listen({ autoAccept: true });
  onTestFinished(() => server.close());
  const inspect = inspector({ url: server.url });
  const actor = createActor(machine, { inspect: (told) => inspect.next(told) }).start();
  const first = await server.accept();
  await until(() => first.frames.length === 4);
  first.reset();
  actor.send({ type: 'go' });

  const second = await server.accept();
  await until(() => summary(framesOf(second)).includes('@xstate.actor light green'));
});

describe('the application', () => {
  test('goes on when nobody listens', async () => {
    const inspect = inspector({ url: 'ws://127.0.0.1:1', maxWaiting: 10 });
    const actor = createActor(machine, { inspect: (told) => inspect.next(told) }).start();
    for (let turn = 0; turn < 1_000; turn += 1) actor.send({ type: turn % 2 === 0 ? 'go' : 'stop' });

    expect(actor.getSnapshot().value).toBe('red');
    expect(inspect.dropped).toBeGreaterThan(1_900);
  });

  test('is told of a wrong option', () => {
    expect(() => remoteInspector({ url: 'not a url' })).toThrow(/url/);
    expect(() => remoteInspector({ maxWaiting: 0 })).toThrow('maxWaiting');
  });

  test('can wait until all is told', async () => {
    const live = await view();
    const page = await Page.of(live);
    const inspect = remoteInspector({ url: live.url });
    const actor = createActor(machine, { inspect: (told) => inspect.next(told) }).start();
    await page.row();
    for (let turn = 0; turn < 301; turn += 1) actor.send({ type: turn % 2 === 0 ? 'go' : 'stop' });
    await inspect.close();
    actor.send({ type: 'stop' });

    expect(await page.row(({ status }) => status === 'ended')).toMatchObject({ state: 'green', events: 302 });
  });
});

/** Every actor goes back and forth, a turn of the event loop for each round. */
async function flood(actors: readonly { send(event: { type: string }): void }[], rounds: number) {
  for (let round = 0; round < rounds; round += 1) {
    for (const actor of actors) actor.send({ type: round % 2 === 0 ? 'go' : 'stop' });
    await new Promise(setImmediate);
  }
}

const lights = (inspect: ReturnType<typeof inspector>, count: number) =>
  Array.from({ length: count }, () => createActor(machine, { inspect }).start());

describe('a flood of events', () => {
  test(
    'is no business of the application when the live view reads nothing',
    { timeout: 30_000 },
    async () => {
      const server = await PuppetServer.listen();
      const inspect = inspector({ url: server.url, maxWaiting: 2_000 });
      const actors = lights(inspect, 100);
      (await server.accept()).freeze();

      await flood(actors, 400);

      expect(inspect.dropped).toBeGreaterThan(0);
      await server[Symbol.asyncDispose]();
    },
  );

  test(
    'leaves the live view with the present state of each actor, and none that ended alive',
    {
      timeout: 30_000,
    },
    async () => {
      const live = await view();
      const page = await Page.of(live);
      const inspect = inspector({ url: live.url, maxWaiting: 50 });
      const actors = lights(inspect, 120);
      await page.row();

      await flood(actors, 41);
      for (const actor of actors.slice(0, 60)) actor.stop();

      const count = (state: string, status: string) =>
        page.rows.filter((row) => row.state === state && row.status === status).length;
      await until(() => count('green', 'ended') === 60 && count('green', 'live') === 60, {
        timeoutMs: 20_000,
        describe: () => JSON.stringify(page.rows.map(({ state, status }) => `${state} ${status}`)),
      });
      expect(inspect.dropped).toBeGreaterThan(0);
    },
  );
});

test('refuses a server with TLS: a live view has none', () => {
  expect(() => remoteInspector({ url: 'wss://127.0.0.1:4242' })).toThrow(
    'Expected `url` to be the ws: address of a live view',
  );
});
