// The wire format of @statelyai/inspect 0.7, against the official package: its client tells our live view, and its
// receiver understands what we tell.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { StatelyInspectionEvent } from '@statelyai/inspect';
import { WebSocket, WebSocketServer } from 'ws';
import { createMachine } from 'xstate';
import { describe, expect, onTestFinished, test } from 'vitest';
import { connectionMachine } from '../../machines/index.ts';
import { remoteInspector } from '../../src/inspection/remote.ts';
import { until } from '../../src/testing/wait.ts';
import { toGraph } from '../../visualizations/graph.ts';
import type { FromServer, Row } from '../../visualizations/live/protocol.ts';
import { liveView } from '../../visualizations/live/server.ts';
import { stage } from '../support/connected.ts';

/** For a process to start on a busy machine. */
const SLOW_MS = 15_000;

/** A machine of somebody else's: no connection, and nothing of ours. */
const light = {
  id: 'light',
  context: { cars: 2 },
  initial: 'red',
  states: {
    red: { on: { go: 'green' } },
    green: { initial: 'full', states: { full: { on: { fade: 'half' } }, half: {} }, on: { stop: 'red' } },
  },
};

/**
 * Runs a program that uses the official package, in a process of its own, until the end of the test: Vitest has Node
 * resolve every `require` as an `import`, which the package's `isomorphic-ws` cannot stand. Returns its lines.
 */
function start(program: string): string[] {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(async () => {
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  });
  const lines: string[] = [];
  createInterface(child.stdout).on('line', (line) => lines.push(line));
  return lines;
}

/** What a page of the live view is told. */
async function watch(url: string): Promise<{ told: FromServer[]; socket: WebSocket }> {
  const told: FromServer[] = [];
  const socket = new WebSocket(`${url.replace('http:', 'ws:')}/live`, { origin: url });
  socket.on('message', (data: Buffer) => told.push(JSON.parse(data.toString()) as FromServer));
  onTestFinished(() => {
    socket.terminate();
  });
  await once(socket, 'open');
  return { told, socket };
}

const rowsOf = (told: readonly FromServer[]): Row[] =>
  told.flatMap((message) => (message.type === 'rows' ? message.rows : []));

describe('the official client', { timeout: 2 * SLOW_MS }, () => {
  test('tells the live view of a machine that is not ours', async () => {
    await using view = await liveView();
    const { told, socket } = await watch(view.url);
    start(`
      import { createWebSocketInspector } from '@statelyai/inspect';
      import { createActor, createMachine } from 'xstate';
      const { inspect } = createWebSocketInspector({ url: ${JSON.stringify(view.url.replace('http:', 'ws:'))} });
      const actor = createActor(createMachine(${JSON.stringify(light)}), { inspect }).start();
      actor.send({ type: 'go' });
      actor.send({ type: 'fade' });
    `);
    const row = await until(() => rowsOf(told).find(({ state }) => state === 'green.half'), {
      timeoutMs: SLOW_MS,
    });
    socket.send(JSON.stringify({ type: 'watch', id: row.id }));
    const history = await until(() => told.find((message) => message.type === 'history'));

    expect(row).toMatchObject({ name: 'light', machine: 'light', status: 'live', lastEvent: 'fade' });
    expect(history.machine.states.map(({ id }) => id)).toEqual(
      expect.arrayContaining(toGraph(createMachine(light)).states.map(({ id }) => id)),
    );
    expect(history.entries.map(({ event, value, context }) => [event.type, value, context])).toEqual([
      ['xstate.init', 'red', { cars: 2 }],
      ['go', { green: 'full' }, { cars: 2 }],
      ['fade', { green: 'half' }, { cars: 2 }],
    ]);
  });
});

/** Hands on what one socket says to all others, as Stately's own relay does. */
async function relay(): Promise<string> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  const said: string[] = [];
  server.on('connection', (socket) => {
    for (const text of said) socket.send(text);
    socket.on('message', (data: Buffer) => {
      said.push(data.toString());
      for (const other of server.clients) if (other !== socket) other.send(data.toString());
    });
  });
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of server.clients) socket.terminate();
    server.close();
  });
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('the official receiver', { timeout: 2 * SLOW_MS }, () => {
  test('understands what a connection goes through', async () => {
    const url = await relay();
    const lines = start(`
      import { createWebSocketReceiver } from '@statelyai/inspect';
      const receiver = createWebSocketReceiver({ server: ${JSON.stringify(url)} });
      receiver.subscribe((event) => console.log(JSON.stringify(event)));
    `);
    await using inspector = remoteInspector({ url });
    await using scene = await stage({ inspect: inspector, name: 'orders' });

    const socket = await scene.connect();
    socket.reset();
    await scene.reconnect();
    const { events } = scene.connection.recording()!;
    const { sessionId } = scene.connection.actor;
    const ours = () =>
      lines
        .map((line) => JSON.parse(line) as StatelyInspectionEvent)
        .filter((event) => event.sessionId === sessionId);
    const snapshots = () => ours().flatMap((event) => (event.type === '@xstate.snapshot' ? [event] : []));
    await until(() => snapshots().length > events.length, { timeoutMs: SLOW_MS });

    const [actor] = ours().flatMap((event) => (event.type === '@xstate.actor' ? [event] : []));
    expect(actor).toMatchObject({ name: 'orders', rootId: sessionId, parentId: null });
    const machine = createMachine(JSON.parse(actor!.definition!) as object);
    expect(new Set(toGraph(machine).states.map(({ id }) => id))).toEqual(
      new Set(toGraph(connectionMachine).states.map(({ id }) => id)),
    );
    expect(
      snapshots().map(({ event, snapshot }) => [
        event.type,
        (snapshot as unknown as { value: unknown }).value,
      ]),
    ).toEqual([['xstate.init', 'idle'], ...events.map(({ event, value }) => [event.type, value])]);
    expect(
      ours()
        .flatMap((event) => (event.type === '@xstate.event' ? [event.event] : []))
        .filter(({ type }) => type !== 'xstate.init'),
    ).toEqual(events.map(({ event }) => event));
  });
});
