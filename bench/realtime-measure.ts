// The measurements of the realtime benchmark. Each returns the figures of one server, or one client, in one round, and
// throws when a message is missing or out of turn.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { EVENT_CLIENTS, type EventClientName } from './event-clients.ts';
import { RawEventStream, RawWebSocket, TEXT_FRAME, BINARY_FRAME, masked } from './raw-clients.ts';
import { nowMs, numberAt, Order, payloads, POOL, type Kind } from './realtime-messages.ts';
import { inTime, type ServerProcess } from './realtime-process.ts';
import type { StreamKind } from './realtime-streams.ts';

export interface Rate {
  readonly perSecond: number;
  /** Processor time of what is measured for one message, in microseconds. */
  readonly processorUs: number;
}

const framesOf = new Map<Kind, readonly Buffer[]>();

function frames(kind: Kind): readonly Buffer[] {
  const first = kind === 'binary' ? BINARY_FRAME : TEXT_FRAME;
  const made = framesOf.get(kind) ?? payloads(kind).map((payload) => masked(first, payload));
  framesOf.set(kind, made);
  return made;
}

const WRITE_BYTES = 65_536;

/** Calls back when so many have come, in order. */
function counter(count: number, order = new Order()) {
  let finish: (atMs: number) => void = () => undefined;
  const finished = new Promise<number>((resolve) => (finish = resolve));
  const counted = (): void => {
    if (order.seen === count) finish(nowMs());
    if (order.seen > count) throw new Error('There was one message too many.');
  };
  return { order, finished, counted };
}

/** The server receives, as fast as it can. */
export async function receive(server: ServerProcess, kind: Kind, count: number): Promise<Rate> {
  const client = await RawWebSocket.open(server.port, `/sink?kind=${kind}&count=${count}`);
  const counted = new Promise<void>((resolve) => (client.onMessage = () => resolve()));
  const all = Buffer.concat(frames(kind));
  const [spentMs, processorMs] = await server.processorMsOf(async () => {
    const startedAtMs = nowMs();
    for (let sent = 0; sent < count; sent += POOL)
      for (let at = 0; at < all.length; at += WRITE_BYTES)
        if (!client.tcp.write(all.subarray(at, at + WRITE_BYTES))) await once(client.tcp, 'drain');
    await inTime(`${server.name} receives ${kind}`, counted);
    return nowMs() - startedAtMs;
  });
  await client.close();
  return { perSecond: count / (spentMs / 1_000), processorUs: (processorMs * 1_000) / count };
}

/** The server sends, one message after the other, as fast as it can. */
export async function send(server: ServerProcess, kind: Kind, count: number): Promise<Rate> {
  const client = await RawWebSocket.open(server.port, '/hall');
  const { order, finished, counted } = counter(count);
  client.onMessage = (bytes, start) => {
    order.raw(kind, bytes, start);
    counted();
  };
  const [spentMs, processorMs] = await server.processorMsOf(async () => {
    const { startedAtMs } = await server.ask({ do: 'pour', kind, count });
    return (await inTime(`${server.name} sends ${kind}`, finished)) - startedAtMs;
  });
  await client.close();
  return { perSecond: count / (spentMs / 1_000), processorUs: (processorMs * 1_000) / count };
}

/** From the call until the last one has come, in milliseconds, of sends that do not wait for each other. */
export async function burst(server: ServerProcess, count: number): Promise<number> {
  const client = await RawWebSocket.open(server.port, '/hall');
  const { order, finished, counted } = counter(count);
  client.onMessage = (bytes, start) => {
    order.raw('text', bytes, start);
    counted();
  };
  const { startedAtMs } = await server.ask({ do: 'burst', count });
  const spentMs = (await inTime(`${server.name} sends a burst`, finished)) - startedAtMs;
  await client.close();
  return spentMs;
}

/** One message is under way on each connection; the round trips of all of them, in milliseconds. */
export async function echo(server: ServerProcess, connections: number, samples: number): Promise<number[]> {
  const clients = await manyOf(connections, () => RawWebSocket.open(server.port, '/echo'));
  const tripsMs: number[] = [];
  const trips = clients.map(
    (client) =>
      new Promise<void>((resolve) => {
        const order = new Order();
        let sentAtMs = 0;
        const next = (): void => {
          sentAtMs = nowMs();
          client.tcp.write(frames('text')[order.seen % POOL]!);
        };
        client.onMessage = (bytes, start) => {
          tripsMs.push(nowMs() - sentAtMs);
          order.raw('text', bytes, start);
          if (order.seen < samples / connections) next();
          else resolve();
        };
        next();
      }),
  );
  await inTime(`${server.name} echoes`, Promise.all(trips));
  for (const client of clients) await client.close();
  return tripsMs;
}

async function manyOf<Client>(count: number, open: () => Promise<Client>): Promise<Client[]> {
  const clients: Client[] = [];
  for (let index = 0; index < count; index += 1) clients.push(await open());
  return clients;
}

export interface Broadcast {
  /** Of the call alone. */
  readonly callMs: number;
  /** Until the last client has it. */
  readonly spentMs: number;
  /** Of the server's processor time for one message to all. */
  readonly processorMs: number;
}

/** One message after the other to all clients that are there. */
export async function broadcast(
  server: ServerProcess,
  clients: readonly RawWebSocket[],
  bytes: number,
  count: number,
): Promise<Broadcast> {
  let missing = 0;
  let finish: () => void = () => undefined;
  for (const client of clients)
    client.onMessage = (_, start, end) => {
      if (end - start !== bytes) throw new Error(`A message of ${end - start} bytes came.`);
      missing -= 1;
      if (missing === 0) finish();
      if (missing < 0) throw new Error('There was one message too many.');
    };
  let callMs = 0;
  const [spentMs, processorMs] = await server.processorMsOf(async () => {
    let spent = 0;
    for (let sent = 0; sent < count; sent += 1) {
      missing = clients.length;
      const finished = new Promise<number>((resolve) => (finish = () => resolve(nowMs())));
      const { startedAtMs, tookMs } = await server.ask({ do: 'broadcast', bytes });
      callMs += tookMs;
      spent += (await inTime(`${server.name} broadcasts`, finished)) - startedAtMs;
    }
    return spent;
  });
  return { callMs: callMs / count, spentMs: spentMs / count, processorMs: processorMs / count };
}

export const hall = (server: ServerProcess, count: number): Promise<RawWebSocket[]> =>
  manyOf(count, () => RawWebSocket.open(server.port, '/hall'));

/** The server sends events, one after the other, as fast as it can. */
export async function events(
  server: ServerProcess,
  kind: StreamKind,
  keepAliveMs: number,
  count: number,
): Promise<Rate> {
  const client = await RawEventStream.open(server.port, `/events?kind=${kind}&keepAliveMs=${keepAliveMs}`);
  const { order, finished, counted } = counter(count);
  client.onEvent = (bytes, idAt, dataAt) => {
    order.see(numberAt(bytes, idAt));
    if (numberAt(bytes, dataAt + (kind === 'text' ? 0 : '{"index":'.length)) !== (order.seen - 1) % POOL)
      throw new Error('An id is at the wrong event.');
    counted();
  };
  const [spentMs, processorMs] = await server.processorMsOf(async () => {
    const { startedAtMs } = await server.ask({ do: 'pour', kind, count });
    return (await inTime(`${server.name} sends ${kind}`, finished)) - startedAtMs;
  });
  await client.close();
  return { perSecond: count / (spentMs / 1_000), processorUs: (processorMs * 1_000) / count };
}

export async function eventBurst(server: ServerProcess, count: number): Promise<number> {
  const client = await RawEventStream.open(server.port, '/events?kind=text');
  const { order, finished, counted } = counter(count);
  client.onEvent = (bytes, idAt) => {
    order.see(numberAt(bytes, idAt));
    counted();
  };
  const { startedAtMs } = await server.ask({ do: 'burst', count });
  const spentMs = (await inTime(`${server.name} sends a burst`, finished)) - startedAtMs;
  await client.close();
  return spentMs;
}

/** From the call that sends an event until it is there, in milliseconds, of all events to all clients. */
export async function eventLatency(
  server: ServerProcess,
  connections: number,
  samples: number,
  paceMs: number,
): Promise<number[]> {
  const clients = await manyOf(connections, () => RawEventStream.open(server.port, '/events?kind=text'));
  const latenciesMs: number[] = [];
  const all = clients.map((client) => {
    const { order, finished, counted } = counter(samples / connections);
    client.onEvent = (bytes, idAt, dataAt, dataEnd) => {
      latenciesMs.push(nowMs() - Number(bytes.toString('latin1', dataAt, dataEnd)));
      order.see(numberAt(bytes, idAt));
      counted();
    };
    return finished;
  });
  await server.ask({ do: 'tick', count: samples / connections, paceMs });
  await inTime(`${server.name} tells the time`, Promise.all(all));
  for (const client of clients) await client.close();
  return latenciesMs;
}

/** Events that a client takes, as fast as it can, its connecting included. */
export async function follow(server: ServerProcess, name: EventClientName, count: number): Promise<Rate> {
  const { order, finished, counted } = counter(count);
  const startedAtMs = nowMs();
  const before = process.cpuUsage();
  const client = EVENT_CLIENTS[name](`${server.url}/hose?count=${count}`, (id, data) => {
    order.see(Number(id));
    order.check(data);
    counted();
  });
  const spentMs = (await inTime(`${name} follows`, finished)) - startedAtMs;
  const { user, system } = process.cpuUsage(before);
  await client.close();
  return { perSecond: count / (spentMs / 1_000), processorUs: (user + system) / count };
}

let reconnecting = 0;

/** From the cut until the next event, in milliseconds, each time. The server's hint is 100 ms. */
export async function reconnect(
  server: ServerProcess,
  name: EventClientName,
  cuts: number,
): Promise<number[]> {
  reconnecting += 1;
  const awayMs: number[] = [];
  let finish: () => void = () => undefined;
  const finished = new Promise<void>((resolve) => (finish = resolve));
  const client = EVENT_CLIENTS[name](`${server.url}/cut?client=${reconnecting}`, (_, data) => {
    const cutAtMs = Number(data);
    if (cutAtMs > 0) awayMs.push(nowMs() - cutAtMs);
    if (awayMs.length === cuts) finish();
  });
  await inTime(`${name} comes back`, finished);
  await client.close();
  return awayMs;
}

/** Heap bytes of a client's idle event stream, in a process of its own. */
export async function clientMemory(
  server: ServerProcess,
  name: EventClientName,
  count: number,
): Promise<number> {
  const child = fork(
    new URL('event-client-memory.js', import.meta.url),
    [name, `${server.url}/idle`, String(count)],
    {
      execArgv: [...process.execArgv, '--expose-gc'],
    },
  );
  const [bytes] = (await once(child, 'message')) as [number];
  child.kill();
  return bytes;
}

export interface Weight {
  readonly heapBytes: number;
  readonly residentBytes: number;
}

/** What the server holds for an idle connection. */
export async function serverMemory(
  server: ServerProcess,
  open: () => Promise<{ close(): Promise<void> }>,
  count: number,
): Promise<Weight> {
  await (
    await manyOf(50, open)
  ).reduce((before, client) => before.then(() => client.close()), Promise.resolve());
  const before = await server.ask({ do: 'heap' });
  const clients = await manyOf(count, open);
  const after = await server.ask({ do: 'heap' });
  for (const client of clients) await client.close();
  const each = (figure: keyof Weight): number => (after[figure] - before[figure]) / count;
  return { heapBytes: each('heapBytes'), residentBytes: each('residentBytes') };
}
