// A process that has nothing else to do ends by itself, as soon as no socket of ours is open and nobody is waiting.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, onTestFinished, test } from 'vitest';
import { PuppetServer } from '../../src/testing/puppet-server.ts';

const SOURCE = new URL('../../src/index.ts', import.meta.url).href;

/** Runs a module, and resolves with its exit code; `null` when it had to be killed after four seconds. */
async function run(body: string): Promise<number | null> {
  const code = `import { Connection } from ${JSON.stringify(SOURCE)};\n${body}`;
  const child = spawn(
    process.execPath,
    ['--conditions=statewire-source', '--import=tsx', '--input-type=module', '--eval', code],
    { stdio: ['ignore', 'ignore', 'inherit'], timeout: 8_000, killSignal: 'SIGKILL' },
  );
  onTestFinished(() => void child.kill('SIGKILL'));
  const [exitCode] = (await once(child, 'exit')) as [number | null];
  return exitCode;
}

describe('a process ends', { timeout: 20_000 }, () => {
  test('with a connection that was never asked for, though messages with a time limit wait', async () => {
    const body = `
      const connection = new Connection({ url: 'ws://127.0.0.1:1', outbox: { ttlMs: 3_600_000 } });
      connection.send('one');
      connection.deliver('two', { ttlMs: 3_600_000 }).catch(() => undefined);`;

    expect(await run(body)).toBe(0);
  });

  test('with a connection that has failed', async () => {
    const body = `
      const connection = new Connection({ url: 'ws://127.0.0.1:1', retry: false });
      connection.connect().catch(() => undefined);`;

    expect(await run(body)).toBe(0);
  });

  test('after disconnect()', async () => {
    await using server = await PuppetServer.listen({ autoAccept: true });
    const body = `
      const connection = new Connection({ url: ${JSON.stringify(server.url)} });
      await connection.connect();
      connection.send('one');
      await connection.disconnect();`;

    expect(await run(body)).toBe(0);
  });
});
