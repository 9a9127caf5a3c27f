// `statewire connect` on a terminal: what the screen shows while one types.
import { stripVTControlCharacters } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { PuppetServer } from '../../src/testing/puppet-server.ts';
import { until } from '../../src/testing/wait.ts';
import { Screen } from './screen.ts';
import { TestIo } from './test-io.ts';

const CTRL_A = '\u0001';
const CTRL_C = '\u0003';
const CTRL_D = '\u0004';
const ENTER = '\r';
const LEFT = '\u001B[D';
const COLUMNS = 60;

class Terminal extends TestIo {
  constructor() {
    super();
    this.stdin.isTTY = true;
    this.stdout.isTTY = true;
    this.stdout.columns = COLUMNS;
  }

  get screen(): readonly string[] {
    return Screen.after(this.stdout.text, COLUMNS);
  }

  type(keys: string): void {
    this.stdin.write(keys);
  }

  /** Waits until the screen shows exactly these rows; a pattern stands for what differs from run to run. */
  shows(...rows: readonly (string | RegExp)[]): Promise<unknown> {
    const matches = (row: string, wanted: string | RegExp | undefined) =>
      wanted instanceof RegExp ? wanted.test(row) : row === wanted;
    return until(
      () => this.screen.length === rows.length && this.screen.every((row, at) => matches(row, rows[at])),
      { describe: () => `the screen ${rows.join(' | ')}; it shows ${JSON.stringify(this.screen, null, 1)}` },
    );
  }
}

async function connect(...options: string[]) {
  const server = await PuppetServer.listen();
  onTestFinished(() => server.close());
  const io = new Terminal();
  const address = `${server.url}/`;
  const ended = io.run('connect', server.url, ...options);
  const socket = await server.accept();
  return { server, io, ended, socket, address };
}

const status = (address: string, sent: number, received: number) =>
  `● open  ${address}  ${sent} sent  ${received} received`;

test('shows the state, what was sent and what was received, and keeps what is being typed', async () => {
  const { io, ended, socket, address } = await connect();
  await io.shows(`● open  ${address}`, status(address, 0, 0), '>');

  io.type('hello' + ENTER);
  expect(await socket.nextFrame()).toBe('hello');
  io.type('half a li');
  socket.send('answer\nof two lines');
  await io.shows(
    `● open  ${address}`,
    '→ hello',
    '← answer',
    '  of two lines',
    status(address, 1, 1),
    '> half a li',
  );

  io.type(LEFT + LEFT + LEFT + '!');
  socket.send('more');
  await until(() => io.screen.at(-1) === '> half a! li' && io.screen.includes('← more'));
  io.type(ENTER);
  expect(await socket.nextFrame()).toBe('half a! li');

  io.type(CTRL_C);
  expect(await socket.closed()).toEqual({ code: 1000, reason: '' });
  expect(await ended).toBe(0);
  expect(io.screen.slice(4)).toEqual(['← more', '→ half a! li', '○ closed']);
});

test('a line longer than the screen is wide leaves nothing behind', async () => {
  const { io, ended, socket, address } = await connect();
  const long = 'x'.repeat(COLUMNS * 2);
  io.type(long);
  await until(() => io.screen.at(-1) === 'x'.repeat(2));
  socket.send('in between');
  await until(() => io.screen.includes('← in between'));
  io.type(CTRL_A);
  io.type(ENTER);
  expect(await socket.nextFrame()).toBe(long);

  await io.shows(
    `● open  ${address}`,
    '← in between',
    `→ ${'x'.repeat(COLUMNS - 2)}`,
    'x'.repeat(COLUMNS),
    'xx',
    status(address, 1, 1),
    '>',
  );
  io.type(CTRL_D);
  expect(await ended).toBe(0);
});

test('counts down to the next attempt, and says what waits for it', async () => {
  const { io, ended, server, address } = await connect('--retry-max-delay', '2');
  await io.shows(`● open  ${address}`, status(address, 0, 0), '>');
  const countdown = () =>
    /^○ reconnecting {2}attempt \d {2}retrying in (\d\.\d) s {2}The link/.exec(io.screen.at(-2) ?? '')?.[1];

  await server.goAway();
  const first = await until(countdown);
  expect(io.screen).toContain('○ lost  The link broke off.');
  io.type('wait for me' + ENTER);
  await until(() => Number(countdown()) < Number(first));
  expect(io.screen).toContain('→ wait for me  (waits for the connection)');
  await server.comeBack();

  const again = await server.accept();
  expect(await again.nextFrame()).toBe('wait for me');
  await until(() => io.screen.some((row) => /^● open again after \d\.\d s, attempt \d$/.test(row)));
  io.type(CTRL_D);
  expect(await ended).toBe(0);
});

test('gives a line back that is no JSON', async () => {
  const { io, ended, socket } = await connect('--json');
  io.type('{"a":1' + ENTER);
  await until(() => io.screen.at(-1) === '> {"a":1' && io.screen.some((row) => row.startsWith('✘ Not sent')));

  io.type('}' + ENTER);
  expect(await socket.nextFrame()).toBe('{"a":1}');
  socket.send('{"b":[]}');
  await until(() => io.screen.includes('    "b": []'));
  io.type(CTRL_D);
  expect(await ended).toBe(0);
});

test('makes the control characters of a message visible instead of obeying them', async () => {
  const { io, ended, socket } = await connect();
  socket.send('\u001B]0;mine\u0007\u001B[2Jgone');
  await until(() => io.screen.includes('← \\x1b]0;mine\\x07\\x1b[2Jgone'));
  io.type(CTRL_D);
  expect(await ended).toBe(0);
});

test('is in colour, unless NO_COLOR says otherwise', async () => {
  const server = await PuppetServer.listen({ autoAccept: true });
  onTestFinished(() => server.close());
  const outputOf = async (env: Record<string, string>) => {
    const io = new Terminal();
    io.env = env;
    const ended = io.run('connect', server.url);
    await until(() => io.screen[0]?.startsWith('● open'));
    io.type(CTRL_D);
    expect(await ended).toBe(0);
    return io.stdout.text;
  };
  const isColoured = (output: string) => output.includes('\u001B[32m');
  expect(isColoured(await outputOf({}))).toBe(true);
  expect(isColoured(await outputOf({ NO_COLOR: '1' }))).toBe(false);
});

test('a dumb terminal gets plain lines', async () => {
  const server = await PuppetServer.listen();
  onTestFinished(() => server.close());
  const io = new Terminal();
  io.env = { TERM: 'dumb' };
  const ended = io.run('connect', server.url);
  const socket = await server.accept();
  io.type('hello\n');
  expect(await socket.nextFrame()).toBe('hello');
  socket.send('hi');
  await io.stdout.shows('hi\n');
  io.stdin.end();
  expect(await ended).toBe(0);
  expect(io.stdout.text).toBe(stripVTControlCharacters(io.stdout.text));
});

test('a second Ctrl-C does not wait for the server', async () => {
  const { io, ended, socket, address } = await connect();
  await io.shows(`● open  ${address}`, status(address, 0, 0), '>');
  socket.holdClose();
  io.type(CTRL_C);
  await until(() => socket.closeReceived);
  expect(io.exits).toEqual([]);
  io.type(CTRL_C);
  await until(() => io.exits.length > 0);
  expect(io.exits).toEqual([130]);
  socket.answerClose();
  expect(await ended).toBe(0);
});

test('Ctrl-C before it is connected is an interruption', async () => {
  const server = await PuppetServer.listen();
  onTestFinished(() => server.close());
  const io = new Terminal();
  const ended = io.run('connect', server.url);
  await server.upgrade();
  await io.shows(/^○ connecting {2}ws:/, '>');
  io.type(CTRL_C);
  expect(await ended).toBe(130);
  expect(io.screen).toEqual(['○ closed']);
});

test('a failure is the last word, on stderr, and no status stays behind', async () => {
  const { io, ended, socket, address } = await connect('--retry', 'off');
  await io.shows(`● open  ${address}`, status(address, 0, 0), '>');
  socket.close(1011, 'oops');
  expect(await ended).toBe(1);
  expect(io.screen).toEqual([`● open  ${address}`]);
  expect(stripVTControlCharacters(io.stderr.text)).toBe(
    'statewire: The server closed the connection: received 1011 (internal error, "oops").\n' +
      '           Read the close code: the server ended it on purpose.\n',
  );
});

test('shows the answer to the authentication frame apart from messages, and the round trip of a ping', async () => {
  const { io, ended, socket, address } = await connect('--auth-frame', 'let me in', '--heartbeat', '0.02');
  const status = `● open  ${address}  RTT `;
  socket.autoPong(true);
  expect(await socket.nextFrame()).toBe('let me in');
  socket.send('welcome');
  await until(() => io.screen.includes('⇐ welcome'));
  await until(() => io.screen.at(-2)?.startsWith(status));
  io.type(CTRL_D);
  expect(await ended).toBe(0);
});
