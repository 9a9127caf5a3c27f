// The four measurements. Each returns one figure of one contender in one round; run.ts interleaves and compares.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { CONTENDERS, type Client } from './contenders.ts';

const connect = (name: string, url: string): Promise<Client> =>
  (CONTENDERS[name] as NonNullable<(typeof CONTENDERS)[string]>)(url);

/** Messages a second, from the request until the last one was dispatched to its listener. */
export async function receive(name: string, url: string, bytes: number, count: number): Promise<number> {
  const client = await connect(name, url);
  const last = new Promise<void>((resolve) => {
    let left = count;
    client.on('tick', () => {
      left -= 1;
      if (left === 0) resolve();
    });
  });
  const start = performance.now();
  client.blast(bytes, count);
  await last;
  const rate = count / ((performance.now() - start) / 1_000);
  await client.close();
  return rate;
}

/** Messages a second, from the first `send()` until the server has counted the last one; `burst` of them in one turn. */
export async function send(
  name: string,
  url: string,
  bytes: number,
  count: number,
  burst: number,
): Promise<number> {
  const client = await connect(name, url);
  const counted = new Promise<void>((resolve) => client.on('counted', () => resolve()));
  client.send({ type: 'count', count });
  const message = { pad: 'x'.repeat(Math.max(0, bytes - 10)) };
  const start = performance.now();
  for (let sent = 0; sent < count;) {
    for (let index = 0; index < burst && sent < count; index += 1, sent += 1) client.send(message);
    await new Promise(setImmediate);
  }
  await counted;
  const rate = count / ((performance.now() - start) / 1_000);
  await client.close();
  return rate;
}

/** Connections a second, opened and closed one after the other; the reciprocal of the time to open. */
export async function open(name: string, url: string, count: number): Promise<number> {
  let spentMs = 0;
  for (let index = 0; index < count; index += 1) {
    const start = performance.now();
    const client = await connect(name, url);
    spentMs += performance.now() - start;
    await client.close();
  }
  return count / (spentMs / 1_000);
}

/** Heap bytes of an idle open connection, in a process of its own. */
export async function memory(name: string, url: string, count: number): Promise<number> {
  const child = fork(new URL('memory.js', import.meta.url), [name, url, String(count)], {
    execArgv: [...process.execArgv, '--expose-gc'],
  });
  const [bytes] = (await once(child, 'message')) as [number];
  child.kill();
  return bytes;
}
