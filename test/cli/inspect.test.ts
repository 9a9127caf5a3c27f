// `statewire inspect`, and the demo with its live view.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import type { Chapter } from '../../src/cli/demo/chapter.ts';
import { demo } from '../../src/cli/demo/demo.ts';
import { CoordinatorWorld } from '../../src/cli/demo/coordinator.ts';
import { Connection } from '../../src/index.ts';
import { Page, view } from '../live/looking.ts';
import { spawnCli } from './spawned.ts';
import { TestIo } from './test-io.ts';

/** The address that a command prints first. */
async function addressIn(io: TestIo): Promise<string> {
  await io.stdout.shows('Open it in a browser');
  return /^http:\/\/127\.0\.0\.1:\d+/.exec(io.stdout.text)?.[0] ?? '';
}

test('prints where to look and how to be told, and ends with Ctrl-C', async () => {
  const io = new TestIo();
  const running = io.run('inspect', '--port', '0');
  const url = await addressIn(io);
  const address = url.replace('http:', 'ws:');
  await io.stdout.shows('createWebSocketInspector');

  expect(io.stdout.lines).toEqual([
    `${url}  Open it in a browser; Ctrl-C ends it.`,
    '',
    'Let an application tell of its connections, or of any XState 5 actor:',
    `  new Connection({ url, inspect: remoteInspector({ url: '${address}' }) })    from 'statewire/inspect'`,
    `  createWebSocketInspector({ url: '${address}' })    from '@statelyai/inspect'`,
  ]);
  expect((await fetch(`${url}/stately.css`)).status).toBe(200);
  io.signal('SIGINT');

  expect(await running).toBe(0);
  await expect(fetch(url)).rejects.toThrow();
  expect(io.handlers).toBe(0);
});

test('stays until it is ended, as a process', { timeout: 15_000 }, async () => {
  const { child, ended } = spawnCli('inspect', '--port', '0');
  const [chunk] = (await once(child.stdout, 'data')) as [Buffer];
  const url = /^http:\S+/.exec(chunk.toString())?.[0] ?? '';

  expect((await fetch(`${url}/stately.css`)).status).toBe(200);
  child.kill('SIGTERM');

  expect(await ended).toEqual({ code: 143, signal: null });
});

test('shows recordings beside what it is told', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'statewire-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, 'bug.json');
  const connection = new Connection({ url: 'ws://127.0.0.1:1', name: 'yesterday', retry: false });
  await connection.connect().catch(() => undefined);
  await writeFile(file, JSON.stringify(connection.recording()));
  const io = new TestIo();
  const running = io.run('inspect', '--port', '0', '--open-recording', file);
  const page = await Page.of({ url: await addressIn(io) });

  expect(await page.row()).toMatchObject({ name: 'yesterday', status: 'ended', state: 'failed' });
  io.signal('SIGINT');
  expect(await running).toBe(0);
});

test.each([
  [
    ['--port', 'x'],
    "Option '--port <port>' argument 'x' is invalid. Expected a port from 0 to 65535; 0 takes any that is free.",
  ],
  [
    ['--allow-origin', 'me'],
    "Option '--allow-origin <origin>' argument 'me' is invalid. Expected an origin: http://localhost:5173 is one.",
  ],
  [
    ['--open-recording', '/no/such'],
    "/no/such cannot be read: ENOENT: no such file or directory, open '/no/such'.",
  ],
])('%j is wrong usage', async (argv, what) => {
  const io = new TestIo();

  expect(await io.run('inspect', ...argv)).toBe(2);
  expect(io.stderr.lines[0]).toBe(`statewire: ${what}`);
  expect(io.stdout.text).toBe('');
});

test('says which port is taken, and what to do', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  onTestFinished(() => void other.close());
  const { port } = other.address() as AddressInfo;

  for (const command of [['inspect'], ['demo', '--inspect']]) {
    const io = new TestIo();
    expect(await io.run(...command, '--port', String(port))).toBe(2);
    expect(io.stderr.lines).toEqual([
      `statewire: Port ${port} is taken.`,
      '           Give another one with --port, or 0 for any that is free.',
    ]);
  }
});

test('the demo shows its connections, by their names, in the live view', async () => {
  const live = await view();
  const page = await Page.of(live);
  const meets: Chapter = {
    title: 'Two meet',
    announcement: 'One is let in, one is not.',
    async run(stage) {
      const world = await stage.use(CoordinatorWorld.make);
      await world.client.connect();
      await using stranger = world.makeClient('a stranger', 'forged');
      await stranger.connect().catch(() => undefined);
      stage.check('both were seen', true);
      return {};
    },
  };

  expect(await demo(new TestIo(), { chapters: [meets], pauseMs: 0, inspect: live })).toBe(0);

  await page.row(({ name, state }) => name === 'ada' && state === 'closed');
  await page.row(({ name }) => name === 'a stranger');
});
