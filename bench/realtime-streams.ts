// The event stream servers side by side, each used as its documentation says, behind one interface.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createSession, type Session } from 'better-sse';
import { createRealtimeServer, createSseHistory, type SseSession } from '../src/server/index.ts';
import { ids, POOL, samples, texts } from './realtime-messages.ts';
import { LIMITS } from './realtime-websockets.ts';

export type StreamKind = 'text' | 'json';

/** Path: `/events`, with `?kind=text` or `json`, and with `&keepAliveMs=…` if there are to be comments too. */
export interface StreamSide {
  readonly port: number;
  /** Sends so many events to whoever came last: one after the other, as fast as they are taken. */
  pour(kind: StreamKind, count: number): Promise<void>;
  /** The same with texts, but none waits for the one before it. */
  burst(count: number): Promise<void>;
  /** Sends one event to each client that is there. */
  tell(id: string, text: string): void;
}

async function statewire(): Promise<StreamSide> {
  const server = createRealtimeServer({ limits: LIMITS });
  const streams = new Set<SseSession>();
  const nothing = createSseHistory();
  let last: SseSession | undefined;
  server.sse('/events', async (stream) => {
    last = stream;
    streams.add(stream);
    const keepAliveMs = Number(stream.query.get('keepAliveMs'));
    if (keepAliveMs > 0) stream.keepAlive(keepAliveMs);
    // Until the stream ends.
    await stream.follow(nothing);
    streams.delete(stream);
  });
  await server.listen();
  const pour = async (kind: StreamKind, count: number): Promise<void> => {
    const stream = last!;
    const [id, text, json] = [ids(), texts(), samples()];
    for (let sent = 0; sent < count; sent += 1) {
      const at = sent % POOL;
      if (kind === 'text') await stream.send({ id: id[at]!, data: text[at]! });
      else await stream.sendJson(json[at], { id: id[at]! });
    }
  };
  const burst = async (count: number): Promise<void> => {
    const stream = last!;
    const id = ids();
    await Promise.all(
      texts()
        .slice(0, count)
        .map((text, at) => stream.send({ id: id[at]!, data: text })),
    );
  };
  const tell = (id: string, text: string): void => {
    for (const stream of streams) void stream.send({ id, data: text });
  };
  return { port: Number(new URL(server.url).port), pour, burst, tell };
}

/** What the two others have in common: `push` writes to a response at once, and somebody has to wait for it to drain. */
interface Pushing {
  readonly response: ServerResponse;
  readonly push: (id: string, data: unknown) => void;
}

type Open = (
  request: IncomingMessage,
  response: ServerResponse,
  kind: StreamKind,
  keepAliveMs: number,
) => Promise<Pushing>;

async function pushingSide(open: Open): Promise<StreamSide> {
  const streams = new Set<Pushing>();
  let last: Pushing | undefined;
  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? '/', 'http://bench');
    const kind = searchParams.get('kind') === 'json' ? 'json' : 'text';
    void open(request, response, kind, Number(searchParams.get('keepAliveMs'))).then((stream) => {
      last = stream;
      streams.add(stream);
      response.on('close', () => streams.delete(stream));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const pour = async (kind: StreamKind, count: number): Promise<void> => {
    const { response, push } = last!;
    const [id, data] = [ids(), kind === 'text' ? texts() : samples()];
    for (let sent = 0; sent < count; sent += 1) {
      push(id[sent % POOL]!, data[sent % POOL]);
      if (response.writableNeedDrain) await once(response, 'drain');
    }
  };
  const burst = (count: number): Promise<void> => {
    const { push } = last!;
    const [id, text] = [ids(), texts()];
    for (let sent = 0; sent < count; sent += 1) push(id[sent]!, text[sent]);
    return Promise.resolve();
  };
  const tell = (id: string, text: string): void => {
    for (const { push } of streams) push(id, text);
  };
  return { port: (server.address() as AddressInfo).port, pour, burst, tell };
}

const asIs = (data: unknown): string => data as string;

const betterSse = (): Promise<StreamSide> =>
  pushingSide(async (request, response, kind, keepAliveMs) => {
    const session: Session = await createSession(request, response, {
      ...(kind === 'text' && { serializer: asIs }),
      ...(keepAliveMs > 0 && { keepAlive: keepAliveMs }),
    });
    return { response, push: (id, data) => void session.push(data, 'message', id) };
  });

const bareWrite = (): Promise<StreamSide> =>
  pushingSide((_request, response, kind, keepAliveMs) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' });
    response.flushHeaders();
    if (keepAliveMs > 0) {
      const timer = setInterval(() => response.write(': ping\n\n'), keepAliveMs);
      response.on('close', () => clearInterval(timer));
    }
    const push = (id: string, data: unknown): void => {
      const line = kind === 'text' ? (data as string) : JSON.stringify(data);
      response.write(`id: ${id}\ndata: ${line}\n\n`);
    };
    return Promise.resolve({ response, push });
  });

/** The first one is what the others are measured by. */
export const STREAM_SIDES = { 'response.write': bareWrite, 'better-sse': betterSse, statewire } as const;
