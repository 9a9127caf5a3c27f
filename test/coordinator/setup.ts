// A coordinator, or a server that is told each step; a client of it; and all of time in the test's hand.
import { readFileSync } from 'node:fs';
import { onTestFinished } from 'vitest';
import {
  CoordinatorClient,
  type CoordinatorEvent,
  type CoordinatorOptions,
  type TokenProvider,
} from '../../src/coordinator/index.ts';
import type { Logger, StateChange } from '../../src/index.ts';
import { MockCoordinator, type MockCoordinatorOptions } from '../../src/testing/mock-coordinator.ts';
import { PuppetServer, type PuppetSocket } from '../../src/testing/puppet-server.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { until } from '../../src/testing/wait.ts';

export type ClientOptions = CoordinatorOptions & { readonly token?: string | TokenProvider };

export const fixture = (name: string): CoordinatorEvent =>
  JSON.parse(readFileSync(new URL(`./fixtures/${name}.json`, import.meta.url), 'utf8')) as CoordinatorEvent;

/** A client on a virtual clock; it is disconnected when the test has finished. */
export function clientOf(url: string, { token = 'good', ...options }: ClientOptions = {}) {
  const clock = new VirtualClock();
  const client = new CoordinatorClient('key', token, 'ada', { url, clock, ...options });
  const states: StateChange[] = [];
  client.connection.on('statechange', (change) => states.push(change));
  onTestFinished(async () => {
    const ended = client.disconnect();
    clock.advance(60_000);
    await ended;
  });
  return { client, clock, states };
}

export async function coordinatorAnd(options: ClientOptions = {}, server: MockCoordinatorOptions = {}) {
  const coordinator = await MockCoordinator.listen(server);
  onTestFinished(() => coordinator.close());
  return { coordinator, ...clientOf(coordinator.url, options) };
}

export async function connected(options: ClientOptions = {}, server: MockCoordinatorOptions = {}) {
  const scene = await coordinatorAnd(options, server);
  const welcome = await scene.client.connect();
  return { ...scene, welcome, connection: await scene.coordinator.nextConnection() };
}

export async function puppetAnd(options: ClientOptions = {}) {
  const server = await PuppetServer.listen();
  onTestFinished(() => server.close());
  return { server, ...clientOf(server.url, options) };
}

/** Accepts the next client, and gives it its first frame once it has shown its token. */
export async function greet(
  server: PuppetServer,
  first: string | object = fixture('connection-ok'),
): Promise<PuppetSocket> {
  const socket = await server.accept();
  await socket.nextFrame();
  socket.send(first);
  return socket;
}

export async function puppetConnected(options: ClientOptions = {}, first?: string | object) {
  const scene = await puppetAnd(options);
  const connecting = scene.client.connect();
  const socket = await greet(scene.server, first);
  return { ...scene, socket, welcome: await connecting };
}

/** What a promise rejects with. */
export const rejectionOf = async (promise: Promise<unknown>): Promise<unknown> => {
  try {
    await promise;
  } catch (thrown) {
    return thrown;
  }
  throw new Error('Expected a rejection.');
};

export const untilState = (client: CoordinatorClient, state: CoordinatorClient['state']) =>
  until(() => client.state === state, { describe: () => `${state}; the state is ${client.state}` });

/** Lets a lost connection fail again and again until it gives up; resolves with the waits that there were. */
export async function exhaust(client: CoordinatorClient, clock: VirtualClock): Promise<unknown[]> {
  const waits: unknown[] = [];
  for (;;) {
    await until(() => client.state === 'reconnecting' || client.state === 'failed');
    if (client.state === 'failed') return waits;
    waits.push(clock.nextInMs);
    clock.runNext();
  }
}

export type LogLine = readonly [level: keyof Logger, message: string, fields: unknown];

export function recordingLogger(): { readonly logger: Logger; readonly lines: LogLine[] } {
  const lines: LogLine[] = [];
  const at =
    (level: keyof Logger): Logger['info'] =>
    (message, fields) =>
      lines.push([level, message, fields]);
  return { lines, logger: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') } };
}
