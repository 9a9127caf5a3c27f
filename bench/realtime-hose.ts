// What the event stream clients are measured against: a server that has its events as bytes before anybody asks.
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { ids, nowMs, POOL, texts } from './realtime-messages.ts';

const EVENTS_PER_BLOCK = 500;

let blocks: readonly Buffer[] | undefined;

function made(): readonly Buffer[] {
  const [id, text] = [ids(), texts()];
  const events = id.map((each, index) => `id: ${each}\ndata: ${text[index] ?? ''}\n\n`);
  blocks ??= Array.from({ length: POOL / EVENTS_PER_BLOCK }, (_, block) =>
    Buffer.from(events.slice(block * EVENTS_PER_BLOCK, (block + 1) * EVENTS_PER_BLOCK).join('')),
  );
  return blocks;
}

function* blocksOf(count: number): Generator<Buffer> {
  const all = made();
  for (let block = 0; block * EVENTS_PER_BLOCK < count; block += 1) yield all[block % all.length]!;
}

/** A client that has all it wants leaves, whatever is still to come. */
const pour = (response: ServerResponse, count: number): Promise<void> =>
  pipeline(Readable.from(blocksOf(count)), response).catch(() => undefined);

/** Long enough for the event to be there before the end is. */
const BEFORE_CUT_MS = 10;

/** Says when it cut this client off the last time, and does it again. */
async function cut(response: ServerResponse, lastCuts: Map<string, number>, client: string): Promise<void> {
  response.write(`retry: 100\ndata: ${lastCuts.get(client) ?? 0}\n\n`);
  await sleep(BEFORE_CUT_MS);
  lastCuts.set(client, nowMs());
  response.destroy();
}

/** Paths: `/hose?count=…` pours, `/idle` says one event, `/cut?client=…` cuts off soon after one. */
export async function hose(): Promise<{ readonly port: number }> {
  const lastCuts = new Map<string, number>();
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://bench');
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' });
    if (pathname === '/hose') void pour(response, Number(searchParams.get('count')));
    else if (pathname === '/idle') response.write('data: hello\n\n');
    else void cut(response, lastCuts, searchParams.get('client') ?? '');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  made();
  return { port: (server.address() as AddressInfo).port };
}
