// The bridge and the official receiver of @xstate/inspect 0.8, with XState 4, over a real WebSocket: both ways.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';
import { describe, expect, onTestFinished, test } from 'vitest';
import { connectionMachine } from '../../machines/index.ts';
import { xstate4Bridge, type XState4BridgeOptions } from '../../src/inspection/xstate4-bridge.ts';
import { postXState4, serveXState4 } from '../../src/inspection/xstate4-viewers.ts';
import { until } from '../../src/testing/wait.ts';
import { toGraph } from '../../visualizations/graph.ts';
import { liveView } from '../../visualizations/live/server.ts';
import { edgesOf, Viewer } from '../../visualizations/legacy/contract/viewer.ts';
import { quiet, stage } from '../support/connected.ts';

/** A bridge that viewers reach over a WebSocket. */
async function served(options: XState4BridgeOptions = {}) {
  const bridge = xstate4Bridge(options);
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  server.on('connection', (socket) => serveXState4(socket, bridge));
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
  });
  return { bridge, server, url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/xstate4` };
}

/** A viewer that has been told of a machine. */
async function look(url: string): Promise<Viewer> {
  const viewer = Viewer.open(url);
  onTestFinished(() => viewer[Symbol.dispose]());
  await until(() => viewer.services.size > 0);
  return viewer;
}

describe('a viewer of @xstate/inspect 0.8', () => {
  test('sees every event and every state of a connection that is lost, comes back and ends', async () => {
    const { bridge, url } = await served();
    await using scene = await stage({ inspect: bridge, name: 'orders' });
    const viewer = await look(url);
    const [sessionId, service] = viewer.first;
    expect(service).toMatchObject({ id: 'orders', parent: undefined, state: { value: 'idle' } });

    const socket = await scene.connect();
    socket.reset();
    const again = await scene.reconnect();
    const disconnected = scene.connection.disconnect();
    await again.closed();
    await disconnected;
    const { events } = scene.connection.recording()!;
    await until(() => viewer.states.length === events.length);

    expect(events.length).toBeGreaterThan(8);
    expect(viewer.strays).toEqual([]);
    expect(viewer.states).toEqual(
      events.map(({ event, value }) => ({ sessionId, event: nameIn4(event.type), value })),
    );
    expect(viewer.events).toEqual(
      events.map(({ event }) => ({
        sessionId,
        name: nameIn4(event.type),
        data: { ...event, type: nameIn4(event.type) },
      })),
    );
    expect(service.state.context).toEqual(scene.connection.actor.getSnapshot().context);
  });

  test('knows which state is active, its tags, its actors, and what can happen next', async () => {
    const { bridge, url } = await served();
    await using scene = await stage({ inspect: bridge });
    const viewer = await look(url);
    const [sessionId, service] = viewer.first;

    await scene.connect();
    await until(() => service.state.matches('online.open'));

    const { state } = service;
    expect(state._sessionid).toBe(sessionId);
    expect(state.configuration.map(({ id }) => id).toSorted()).toEqual([
      'connection',
      'connection.online',
      'connection.online.open',
      'connection.online.open.healthy',
    ]);
    expect([...state.tags]).toEqual(['writes']);
    expect(Object.keys(state.activities)).toEqual(['socket', 'heartbeat']);
    expect(Object.keys(state.children)).toEqual(['socket', 'heartbeat']);
    expect(state.nextEvents).toEqual(
      expect.arrayContaining(['disconnect', 'socket.closed', 'heartbeat.doubted']),
    );
    expect(state.done).toBe(false);
  });

  test('draws every transition of the chart', async () => {
    const { bridge, url } = await served();
    await using scene = await stage({ inspect: bridge });
    const [sessionId, { machine }] = (await look(url)).first;
    expect(sessionId).toBe(scene.connection.actor.sessionId);

    const drawn = edgesOf(machine).map((edge) => JSON.stringify(edge));
    const written = toGraph(connectionMachine).edges.map(({ source, event, target, guard, actions }) =>
      JSON.stringify({ source, event: nameIn4(event), target, guard, actions }),
    );

    expect(drawn.toSorted()).toEqual(written.toSorted());
  });

  test('that comes late, or again, is told how everything is by now', async () => {
    const { bridge, server, url } = await served();
    await using one = await stage({ inspect: bridge, name: 'one' });
    await using two = await stage({ inspect: bridge, name: 'two' });
    const early = await look(url);
    await one.connect();

    const late = await look(url);
    await until(() => late.services.size === 2);
    expect([...late.services.values()].map(({ id, state }) => [id, state.value])).toEqual([
      ['one', { online: { open: 'healthy' } }],
      ['two', 'idle'],
    ]);

    expect(two.connection.state).toBe('idle');

    early[Symbol.dispose]();
    await until(() => server.clients.size === 1);
    void one.connection.disconnect();
    await until(() => late.states.some(({ value }) => JSON.stringify(value).includes('closing')));
    expect(early.states.at(-1)).not.toEqual(late.states.at(-1));
  });

  test('finds the connections of a live view at /xstate4, once the application has opened it', async () => {
    await using closed = await liveView();
    await using view = await liveView({ xstate4: xstate4Bridge() });
    await using scene = await stage({ inspect: view });
    const refused = new WebSocket(`${closed.url.replace('http:', 'ws:')}/xstate4`);
    const [refusal] = (await once(refused, 'error')) as [Error];

    const viewer = await look(`${view.url.replace('http:', 'ws:')}/xstate4`);
    await scene.connect();
    await until(() => viewer.states.length === 3);

    expect(refusal.message).toContain('404');
    expect(viewer.states.at(-1)?.value).toEqual({ online: { open: 'healthy' } });
  });

  test('that is embedded in a page gets the same through postMessage', async () => {
    const bridge = xstate4Bridge();
    await using scene = await stage({ inspect: bridge });
    const page = new FakeWindow('https://app.example');
    const frame = new FakeWindow('https://stately.ai');
    page.peer = frame;
    frame.peer = page;
    const stop = postXState4(bridge, {
      viewer: frame.asSeenFromOutside,
      origin: 'https://stately.ai',
      page: page as never,
    });
    using viewer = Viewer.embed({ window: frame as never, targetWindow: page.asSeenFromOutside as never });
    await until(() => viewer.services.size === 1);

    await scene.connect();
    await until(() => viewer.states.length === 3);
    stop();

    expect(viewer.states.map(({ value }) => value)).toEqual([
      { online: 'connecting' },
      { online: 'authenticating' },
      { online: { open: 'healthy' } },
    ]);
    await until(() => frame.received.at(-1)?.type === 'xstate.disconnect');
  });
});

describe('an event that a viewer sends', () => {
  test('reaches the machine when the application accepts it', async () => {
    const { bridge, url } = await served({ acceptEvents: ['connect', 'disconnect'] });
    await using scene = await stage({ inspect: bridge });
    const viewer = await look(url);
    const [sessionId, service] = viewer.first;

    viewer.click(sessionId, { type: 'connect' });
    const socket = await scene.server.accept();
    await scene.until('open');
    await until(() => service.state.matches('online.open'));
    viewer.click(sessionId, { type: 'disconnect' });
    await socket.closed();
    await scene.until('closed');
    await until(() => service.state.value === 'closed');

    expect(scene.states).toEqual(['connecting', 'authenticating', 'open', 'closing', 'closed']);
  });

  test('is refused when the application accepts none', async () => {
    const { bridge, server, url } = await served();
    const heard: string[] = [];
    server.on('connection', (socket) => socket.on('message', (data: Buffer) => heard.push(data.toString())));
    await using scene = await stage({ inspect: bridge });
    const viewer = await look(url);

    viewer.click(viewer.first[0], { type: 'connect' });
    await until(() => heard.length === 2);
    await quiet();

    expect(scene.connection.state).toBe('idle');
    expect(viewer.states).toEqual([]);
  });
});

/** How XState 4 calls an event of XState 5's own. */
const nameIn4 = (event: string): string =>
  event.replace(/^xstate\.after\.([^.]+)\.(.+)$/, 'xstate.after($1)#$2');

/** As much of a window as two pages need to talk. Messages come in a later turn, as real ones do. */
class FakeWindow extends EventTarget {
  readonly origin: string;
  readonly received: { readonly type: string }[] = [];
  readonly asSeenFromOutside: { postMessage(message: unknown, targetOrigin: string): void };
  peer: FakeWindow | undefined;

  constructor(origin: string) {
    super();
    this.origin = origin;
    this.asSeenFromOutside = {
      postMessage: (message, targetOrigin) => {
        if (targetOrigin === '*' || targetOrigin === this.origin) setImmediate(() => this.#take(message));
      },
    };
  }

  #take(message: unknown): void {
    const data = structuredClone(message) as { readonly type: string };
    this.received.push(data);
    const { origin, asSeenFromOutside: source } = this.peer!;
    this.dispatchEvent(Object.assign(new Event('message'), { data, origin, source }));
  }
}
