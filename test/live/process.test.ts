// A process that has nothing else to do ends by itself, though somebody is looking at it, or nobody is there to be told.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { describe, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { Page, view, wsUrl } from './looking.ts';

const INSPECT = new URL('../../visualizations/live/index.ts', import.meta.url).href;
const SOURCE = new URL('../../src/index.ts', import.meta.url).href;

/** Runs a module. Its exit code is `null` when it had to be killed. */
function run(body: string) {
  const code = `import { Connection } from '${SOURCE}';\nimport { liveView, remoteInspector } from '${INSPECT}';\n${body}`;
  const child = spawn(
    process.execPath,
    ['--conditions=statewire-source', '--import=tsx', '--input-type=module', '--eval', code],
    { stdio: ['pipe', 'pipe', 'inherit'], timeout: 10_000, killSignal: 'SIGKILL' },
  );
  onTestFinished(() => void child.kill('SIGKILL'));
  const ended = once(child, 'exit').then(([exitCode]) => exitCode as number | null);
  return { child, ended, lines: createInterface(child.stdout) };
}

describe('a process ends', { timeout: 20_000 }, () => {
  test('with a live view that a page looks at', async () => {
    const { child, ended, lines } = run(`
      const view = await liveView();
      const connection = new Connection({ url: 'ws://127.0.0.1:1', inspect: view, retry: false });
      connection.connect().catch(() => undefined);
      console.log(view.url);
      process.stdin.once('data', () => process.stdin.destroy());`);
    const [url] = (await once(lines, 'line')) as [string];
    const page = new WebSocket(wsUrl(url, '/live'), { origin: url });
    const isGone = new Promise((resolve) => page.on('error', resolve).on('close', resolve));
    await once(page, 'open');

    child.stdin.write('\n');

    expect(await ended).toBe(0);
    await isGone;
  });

  test('with a remote inspector that is connected', async () => {
    const live = await view();
    const page = await Page.of(live);
    const { child, ended } = run(`
      const inspect = remoteInspector({ url: '${live.url}' });
      const connection = new Connection({ url: 'ws://127.0.0.1:1', inspect, retry: false });
      await connection.connect().catch(() => undefined);
      await new Promise((resolve) => process.stdin.once('data', resolve));
      process.stdin.destroy();`);
    await page.row(({ status }) => status === 'live');

    child.stdin.write('\n');

    expect(await ended).toBe(0);
    await page.row(({ status }) => status === 'ended');
  });

  test('with a remote inspector that nobody listens to', async () => {
    const { ended } = run(`
      const inspect = remoteInspector({ url: 'ws://127.0.0.1:1' });
      const connection = new Connection({ url: 'ws://127.0.0.1:1', inspect, retry: false });
      connection.connect().catch(() => undefined);`);

    expect(await ended).toBe(0);
  });
});
