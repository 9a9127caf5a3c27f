// Every demo endpoint with its path.
import type { RealtimeServer, WebSocketHandler } from '../server/index.ts';
import { binary, client, counter, iterate, json, reverse, uppercase } from './answers.ts';
import { benchmark } from './benchmark.ts';
import { chat, chatRoom } from './chat.ts';
import { echo } from './echo.ts';
import { logs } from './logs.ts';
import { metrics } from './metrics.ts';
import { perform, type Show } from './show.ts';
import { Stage, type DemoRoutesOptions } from './stage.ts';
import { stocks } from './stocks.ts';
import { stream } from './stream.ts';
import { time } from './time.ts';

export type { DemoRoutesOptions } from './stage.ts';

const WEBSOCKETS: Readonly<Record<string, (stage: Stage) => WebSocketHandler>> = {
  '/ws/echo': () => echo,
  '/ws/chat': chat,
  '/ws/stream': stream,
  '/ws/benchmark': benchmark,
  '/ws/chat/:room': chatRoom,
  '/ws/client/:client_id': client,
  '/ws/json': () => json,
  '/ws/binary': () => binary,
  '/ws/counter': () => counter,
  '/ws/iterate': () => iterate,
  '/ws/uppercase': () => uppercase,
  '/ws/reverse': () => reverse,
};

const SHOWS: Readonly<Record<string, Show>> = {
  '/sse/time': time,
  '/sse/metrics': metrics,
  '/sse/stocks': stocks,
  '/sse/logs': logs,
};

export const DEMO_PATHS = { webSocket: Object.keys(WEBSOCKETS), sse: Object.keys(SHOWS) } as const;

/**
 * Adds every demo endpoint to a realtime server.
 *
 * @throws {InvalidOptionError} for a figure that cannot be meant
 */
export function addDemoRoutes(server: RealtimeServer, options: DemoRoutesOptions): RealtimeServer {
  const stage = new Stage(server, options);
  for (const [path, handlerFor] of Object.entries(WEBSOCKETS)) server.websocket(path, handlerFor(stage));
  for (const [path, show] of Object.entries(SHOWS)) server.sse(path, perform(show, stage));
  return server;
}
