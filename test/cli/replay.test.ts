// `statewire replay`: what a connection lived through, printed again.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { Recording } from '../../src/index.ts';
import { Page } from '../live/looking.ts';
import { TestIo } from './test-io.ts';

const FILE = fileURLToPath(new URL('../fixtures/recording.json', import.meta.url));
const recording = JSON.parse(readFileSync(FILE, 'utf8')) as Recording;

async function replayed(given: unknown, ...options: string[]) {
  const io = new TestIo();
  io.stdin.end(typeof given === 'string' ? given : JSON.stringify(given));
  const code = await io.run('replay', '-', ...options);
  return { code, lines: io.stdout.lines, stderr: io.stderr.text, io };
}

test('prints each transition with its time, its cause and what was planned', async () => {
  const io = new TestIo();

  expect(await io.run('replay', FILE)).toBe(0);

  expect(io.stdout.lines).toEqual([
    'wss://example.com/feed?token=***',
    'machine connection · recorded 2026-11-21T14:51:19.467Z',
    '',
    '   +0.000 s  connect                 idle → online.connecting',
    '   +0.010 s  socket.opened           online.connecting → online.authenticating',
    '   +0.011 s  handshake.accepted      online.authenticating → online.open.healthy',
    '   +0.112 s  heartbeat.doubted       online.open.healthy → online.open.probing  cause "silence"',
    '   +0.166 s  heartbeat.answered      online.open.probing → online.open.healthy',
    '   +0.224 s  socket.closed           online.open.healthy → deciding  CLOSED_BY_PEER, closeCode 1012, closeReason "restart"',
    '   +0.224 s  verdict.retry           deciding → reconnecting.backingOff  retry 1 in 0.40 s',
    '   +0.624 s  after backoff           reconnecting.backingOff → online.connecting',
    '   +0.630 s  socket.closed           online.connecting → deciding  UPGRADE_REJECTED, httpStatus 503',
    '   +0.630 s  verdict.retry           deciding → reconnecting.backingOff  retry 2 in 0.40 s',
    '   +1.030 s  after backoff           reconnecting.backingOff → online.connecting',
    '   +1.040 s  socket.opened           online.connecting → online.authenticating',
    '   +1.041 s  handshake.accepted      online.authenticating → online.open.healthy',
    '   +1.100 s  disconnect              online.open.healthy → online.closing.leaving',
    '   +1.103 s  socket.closed           online.closing.leaving → closed  CLOSED_BY_PEER, closeCode 1000',
    '',
    '✔ the same states as recorded  15 events',
  ]);
});

test('prints one object a line for programs', async () => {
  const { code, io } = await replayed(recording, '--output', 'json');

  expect(code).toBe(0);
  expect(io.stdout.objects.map(({ from, to, state }) => ({ from, to, state })).slice(4, 7)).toEqual([
    { from: { online: { open: 'probing' } }, to: { online: { open: 'healthy' } }, state: 'open' },
    { from: { online: { open: 'healthy' } }, to: 'deciding', state: 'reconnecting' },
    { from: 'deciding', to: { reconnecting: 'backingOff' }, state: 'reconnecting' },
  ]);
});

test('says that a recording was made by another version of the machine', async () => {
  const machine = { ...recording.machine, fingerprint: '00000000' };

  const { code, lines } = await replayed({ ...recording, machine });

  expect([code, lines[2]]).toEqual([0, 'This was recorded by another version of the machine "connection".']);
});

test('tells where the machine goes another way today, and fails', async () => {
  const [connect] = recording.events;

  const { code, lines } = await replayed({ ...recording, events: [{ ...connect, value: 'closed' }] });

  expect([code, ...lines.slice(3)]).toEqual([
    1,
    '   +0.000 s  connect                 idle → online.connecting  ✘ recorded: closed',
    '',
    '✘ 1 event led elsewhere  1 event',
  ]);
});

test('tells how many events were not kept', async () => {
  const { lines } = await replayed({ ...recording, droppedEvents: 3 });

  expect(lines[1]).toBe(
    'machine connection · recorded 2026-11-21T14:51:19.467Z · 3 earlier events were not kept',
  );
});

test('shows no control character of a stranger', async () => {
  const ESC = '\u001b';
  const [connect] = recording.events;
  const { io } = await replayed({
    ...recording,
    name: `evil${ESC}[2J`,
    recordedAt: `${ESC}]0;evil`,
    events: [{ ...connect, event: { type: `${ESC}[31m` }, value: `${ESC}[32m` }],
  });

  expect(io.stdout.text).not.toContain(ESC);
  expect(io.stdout.lines[0]).toBe('evil\\x1b[2J');
});

const REMEDY =
  'Give the JSON of connection.recording() as it is; of a machine that is not of statewire, give the machine too.';

test.each([
  ['text', 'hello', '-: The recording cannot be read: expected JSON, got "hello".'],
  [
    'another machine',
    { ...recording, machine: { id: 'lamp', fingerprint: '0' } },
    '-: The recording cannot be read: expected a machine that is known here (connection, session, subscription, relay), got "lamp".',
  ],
])('refuses %s', async (_, given, complaint) => {
  expect(await replayed(given)).toMatchObject({
    code: 2,
    lines: [],
    stderr: `statewire: ${complaint}\n           ${REMEDY}\n`,
  });
});

test('refuses a file that is not there', async () => {
  const io = new TestIo();

  expect(await io.run('replay', 'nowhere.json')).toBe(2);
  expect(io.stderr.text).toMatch(/^statewire: nowhere\.json cannot be read: ENOENT.*\n +Give the path/);
});

test('shows a recording in the live view until Ctrl-C', async () => {
  const io = new TestIo();
  const running = io.run('replay', FILE, '--view');
  await io.stdout.shows('Open it in a browser; Ctrl-C ends it.');
  const page = await Page.of({ url: io.stdout.lines[0]! });

  expect(await page.row()).toMatchObject({
    name: 'wss://example.com/feed?token=***',
    state: 'closed',
    status: 'ended',
  });
  io.signal('SIGINT');

  expect(await running).toBe(0);
});
