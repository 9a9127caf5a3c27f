// Whatever an inspector does, the connection does what it does without one.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { ConnectionError } from '../../src/errors.ts';
import type { Inspector } from '../../src/inspection/inspector.ts';
import { remoteInspector } from '../../src/inspection/remote.ts';
import { xstate4Bridge } from '../../src/inspection/xstate4-bridge.ts';
import { PuppetServer } from '../../src/testing/puppet-server.ts';
import { until } from '../../src/testing/wait.ts';
import { liveView } from '../../visualizations/live/server.ts';
import { quiet, stage, watch } from '../support/connected.ts';

const ignore = () => undefined;
const SILENT = { debug: ignore, info: ignore, warn: ignore };

/** Nobody listens there. */
const NOWHERE = 'ws://127.0.0.1:1';

interface Life {
  readonly states: readonly unknown[];
  readonly waits: readonly (number | null)[];
  readonly outcome: unknown;
  readonly messages: readonly unknown[];
  /** Timers that the connection held: while it was open, while it waited, at the end. */
  readonly timers: readonly number[];
  readonly rejection: unknown;
}

interface Course {
  readonly inspect?: Inspector;
  /** Between the first session and its loss. */
  readonly meanwhile?: () => Promise<void>;
}

/** One life: a session that is lost, one that is ended, and an attempt that is called off. Reports what went wrong. */
async function live({ inspect, meanwhile }: Course): Promise<{ life: Life; errors: string[] }> {
  const errors: unknown[] = [];
  const logger = { ...SILENT, error: (_: string, fields?: object) => void errors.push(fields) };
  await using scene = await stage({ logger, ...(inspect !== undefined && { inspect }) });
  const { connection, clock } = scene;
  const timers: number[] = [];

  const connecting = connection.connect();
  const socket = await scene.server.accept();
  const outcome = watch(connecting);
  await connecting;
  socket.send({ hello: 'there' });
  await until(() => scene.messages.length === 1);
  timers.push(clock.pending);
  await meanwhile?.();
  socket.reset();
  await scene.until('reconnecting');
  timers.push(clock.pending);
  const again = await scene.reconnect();
  const ending = connection.disconnect();
  await again.closed();
  await ending;
  const calledOff = connection.connect({ signal: AbortSignal.abort('never mind') });
  const rejection: unknown = await calledOff.catch((reason: unknown) => reason);
  await scene.until('closed');
  timers.push(clock.pending);

  const states = scene.changes.map(({ state, reason }) => [state, reason]);
  return {
    life: { states, waits: scene.waits, outcome, messages: scene.messages, timers, rejection },
    errors: [...new Set(errors.map((fields) => (fields as { error: ConnectionError }).error.code))],
  };
}

const reference = live({});

const fail = () => {
  throw new Error('I fail.');
};

/** Keeps everybody waiting, as one does that draws a large picture each time. */
const block = () => {
  const endAt = performance.now() + 5;
  while (performance.now() < endAt);
};

describe('a connection lives as it does without an inspector', () => {
  test.each<[string, Inspector, string[]]>([
    ['throws at every event', { next: fail }, ['LISTENER_FAILED']],
    ['throws when it is attached', { next: () => undefined, attach: fail }, ['LISTENER_FAILED']],
    ['returns promises that reject', { next: async () => fail() }, ['LISTENER_FAILED']],
    ['returns promises that never settle', { next: () => new Promise(() => undefined) }, []],
    ['takes long', { next: block }, []],
    ['is the bridge to XState 4', xstate4Bridge(), []],
  ])('with one that %s', async (_what, inspect, reported) => {
    const { life, errors } = await live({ inspect });

    expect(life).toEqual((await reference).life);
    expect(errors).toEqual(reported);
  });

  test('with one whose viewer fails at every frame', async () => {
    const inspect = xstate4Bridge();
    inspect.visit({ send: fail }).receive({ type: 'xstate.inspecting' });

    expect(await live({ inspect })).toEqual(await reference);
  });

  test('with a live view that is closed meanwhile', async () => {
    await using view = await liveView();

    expect(await live({ inspect: view, meanwhile: () => view.close() })).toEqual(await reference);
  });

  test('with a live view elsewhere that goes away meanwhile', async () => {
    const view = await liveView();
    await using inspect = remoteInspector({ url: view.url.replace('http:', 'ws:') });

    expect(await live({ inspect, meanwhile: () => view.close() })).toEqual(await reference);
  });

  test('with a live view elsewhere that was never there', async () => {
    await using inspect = remoteInspector({ url: NOWHERE });

    expect(await live({ inspect })).toEqual(await reference);
  });

  test('with a live view elsewhere that accepts, and then reads nothing', async () => {
    await using deaf = await PuppetServer.listen();
    await using inspect = remoteInspector({ url: deaf.url });

    expect(await live({ inspect, meanwhile: async () => (await deaf.accept()).freeze() })).toEqual(
      await reference,
    );
  });
});

test('a thousand messages each way are no business of an inspector', async () => {
  const told: string[] = [];
  await using scene = await stage({ inspect: { next: ({ type }) => void told.push(type) } });
  const socket = await scene.connect();
  await quiet();
  const before = told.length;

  for (let index = 0; index < 1_000; index += 1) {
    scene.connection.send({ index });
    socket.send({ index });
  }
  for (let index = 0; index < 1_000; index += 1) await socket.nextFrame();
  await until(() => scene.messages.length === 1_000);
  await quiet();

  expect(before).toBeGreaterThan(0);
  expect(told.slice(before)).toEqual([]);
});

const moduleUrl = (path: string): string => JSON.stringify(new URL(`../../${path}`, import.meta.url).href);

/** Runs a module, and resolves with its exit code; `null` when it had to be killed. */
async function run(body: string): Promise<number | null> {
  const code = `
    import { Connection } from ${moduleUrl('src/index.ts')};
    import { remoteInspector } from ${moduleUrl('src/inspection/remote.ts')};
    import { xstate4Bridge } from ${moduleUrl('src/inspection/xstate4-bridge.ts')};
    import { liveView } from ${moduleUrl('visualizations/live/server.ts')};
    const useUp = async (url, inspect) => {
      const connection = new Connection({ url, inspect });
      await connection.connect();
      await connection.disconnect();
    };
    ${body}`;
  const child = spawn(
    process.execPath,
    ['--conditions=statewire-source', '--import=tsx', '--input-type=module', '--eval', code],
    { stdio: ['ignore', 'ignore', 'inherit'], timeout: 15_000, killSignal: 'SIGKILL' },
  );
  onTestFinished(() => void child.kill('SIGKILL'));
  const [exitCode] = (await once(child, 'exit')) as [number | null];
  return exitCode;
}

describe('a process ends', { timeout: 40_000 }, () => {
  test.each([
    ['a live view elsewhere that is not there', `remoteInspector({ url: '${NOWHERE}' })`],
    ['a live view of its own', 'await liveView()'],
    ['the bridge to XState 4', 'xstate4Bridge()'],
  ])('after disconnect(), with %s', async (_what, inspect) => {
    await using server = await PuppetServer.listen({ autoAccept: true });

    expect(await run(`await useUp(${JSON.stringify(server.url)}, ${inspect});`)).toBe(0);
  });

  test('after disconnect(), with a live view elsewhere that listens', async () => {
    await using server = await PuppetServer.listen({ autoAccept: true });
    await using view = await liveView();
    const url = view.url.replace('http:', 'ws:');

    expect(
      await run(
        `await useUp(${JSON.stringify(server.url)}, remoteInspector({ url: ${JSON.stringify(url)} }));`,
      ),
    ).toBe(0);
  });

  test('with a connection that was never asked for', async () => {
    expect(
      await run(`new Connection({ url: '${NOWHERE}', inspect: remoteInspector({ url: '${NOWHERE}' }) });`),
    ).toBe(0);
  });
});
