// `statewire connect` as a real process: pipes, signals, and that it ends.
import { expect, onTestFinished, test } from 'vitest';
import { PuppetServer } from '../../src/testing/puppet-server.ts';
import { until } from '../../src/testing/wait.ts';
import { spawnCli } from './spawned.ts';

const STARTING = { timeoutMs: 20_000 };

async function connect(...options: string[]) {
  const accepted: Awaited<ReturnType<PuppetServer['accept']>>[] = [];
  const server = await PuppetServer.listen({ onSocket: (socket) => accepted.push(socket) });
  onTestFinished(() => server.close());
  const cli = spawnCli('connect', server.url, ...options);
  const socket = await until(() => accepted[0], STARTING);
  return { ...cli, socket };
}

test('sends what is piped in, prints what comes, and ends', { timeout: 30_000 }, async () => {
  const { child, socket, ended, stdout, stderr } = await connect();
  child.stdin.end('one\ntwo\n');
  expect(await socket.nextFrame()).toBe('one');
  expect(await socket.nextFrame()).toBe('two');
  expect(await socket.closed()).toEqual({ code: 1000, reason: '' });
  expect(await ended).toEqual({ code: 0, signal: null });
  expect(stdout()).toBe('');
  expect(stderr()).toMatch(/^statewire: connecting to ws:.*\nstatewire: open\nstatewire: closed\n$/);
});

test('ends after the first message although its input stays open', { timeout: 30_000 }, async () => {
  const { child, socket, ended, stdout } = await connect('--once', '--quiet');
  child.stdin.write('hi\n');
  expect(await socket.nextFrame()).toBe('hi');
  socket.send('answer');
  expect(await ended).toEqual({ code: 0, signal: null });
  expect(stdout()).toBe('answer\n');
});

test('SIGINT closes with 1000; a second one ends the process at once', { timeout: 30_000 }, async () => {
  const { child, socket, ended, stderr } = await connect('--listen');
  await until(() => stderr().includes('open\n'), STARTING);
  socket.holdClose();
  child.kill('SIGINT');
  await until(() => socket.closeReceived, STARTING);
  expect(socket.closeReceived).toEqual({ code: 1000, reason: '' });
  child.kill('SIGINT');
  expect(await ended).toEqual({ code: 130, signal: null });
});

test('ends quietly when nobody reads its output any more', { timeout: 30_000 }, async () => {
  const { child, socket, ended, stderr } = await connect('--quiet', '--listen');
  child.stdout.destroy();
  const flood = setInterval(() => socket.send('x'.repeat(10_000)), 1);
  onTestFinished(() => clearInterval(flood));
  expect(await ended).toEqual({ code: 0, signal: null });
  expect(stderr()).toBe('');
  expect(await socket.closed()).toEqual({ code: 1000, reason: '' });
});

test('fails with two lines and no stack trace when nobody answers', { timeout: 30_000 }, async () => {
  const server = await PuppetServer.listen();
  await server.close();
  const { child, ended, stderr } = spawnCli('connect', server.url, '--quiet');
  child.stdin.end();
  expect(await ended).toEqual({ code: 1, signal: null });
  expect(stderr()).toMatch(
    /^statewire: The connection could not be opened: .*ECONNREFUSED.*\n {11}Check .*\n$/,
  );
});
