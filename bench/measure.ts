// The four measurements. Each returns one figure of one contender in one round; run.ts interleaves and compares.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { CONTENDERS, type Client } from './contenders.ts';

export const connect = (name: string, url: string, floods = false): Promise<Client> =>
  (CONTENDERS[name] as NonNullable<(typeof CONTENDERS)[string]>)(url, floods);

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

/** Messages a second of the clock on the wall, which measures the server too, and of this process's processor time. */
export interface Rates {
  readonly wall: number;
  readonly processor: number;
}

/** A client that can be told to send a slice of messages, again and again. */
export interface Sender {
  /** From the first `send()` until the server has counted the last one; `burst` of them in one turn. */
  send(bytes: number, count: number, burst: number): Promise<Rates>;
  close(): void | Promise<void>;
}

export async function sender(name: string, url: string): Promise<Sender> {
  const client = await connect(name, url, true);
  let counted: () => void = () => undefined;
  client.on('counted', () => counted());
  const send: Sender['send'] = async (bytes, count, burst) => {
    const done = new Promise<void>((resolve) => (counted = resolve));
    client.send({ type: 'count', count });
    const message = { pad: 'x'.repeat(Math.max(0, bytes - 10)) };
    const start = performance.now();
    const before = process.cpuUsage();
    for (let sent = 0; sent < count;) {
      for (let index = 0; index < burst && sent < count; index += 1, sent += 1) client.send(message);
      await new Promise(setImmediate);
    }
    await done;
    const { user, system } = process.cpuUsage(before);
    const wall = count / ((performance.now() - start) / 1_000);
    return { wall, processor: count / ((user + system) / 1_000_000) };
  };
  return { send, close: () => client.close() };
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
