// A demo server for a test, and an event stream as a parser reads it that nobody here wrote.
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { onTestFinished } from 'vitest';
import { addDemoRoutes } from '../../src/demo-server/routes.ts';
import type { DemoRoutesOptions } from '../../src/demo-server/stage.ts';
import type { RealtimeServer, RealtimeServerOptions } from '../../src/server/index.ts';
import { until } from '../../src/testing/wait.ts';
import { serve } from '../server/realtime/harness.ts';

/** Without pauses, unless it says otherwise. */
export async function demo(
  options: Partial<DemoRoutesOptions> = {},
  serverOptions: RealtimeServerOptions = {},
): Promise<RealtimeServer> {
  const server = await serve(serverOptions, (made) => addDemoRoutes(made, { seed: 7, pace: 0, ...options }));
  onTestFinished(() => server.close({ deadlineMs: 0 }));
  return server;
}

/** What a stream says, as it comes, until it ends or `stop()` is called. */
export async function listen(server: RealtimeServer, path: string, headers: Record<string, string> = {}) {
  const leaving = new AbortController();
  const response = await fetch(server.url + path, { headers, signal: leaving.signal });
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  const heard = { text: '', headers: response.headers, isOver: false };
  const reading = (async () => {
    for (let part = await reader.read(); !part.done; part = await reader.read()) heard.text += part.value;
  })();
  const over = reading.catch(() => undefined).finally(() => (heard.isOver = true));
  const stop = (): Promise<unknown> => {
    leaving.abort();
    return over;
  };
  return { heard, over, stop };
}

/** Everything to the end of a stream, or to the `upTo`th event; the client then goes. */
export async function eventsOf(
  server: RealtimeServer,
  path: string,
  { lastEventId = '', upTo = Infinity }: { readonly lastEventId?: string; readonly upTo?: number } = {},
): Promise<EventSourceMessage[]> {
  const { heard, stop } = await listen(
    server,
    path,
    lastEventId === '' ? {} : { 'Last-Event-ID': lastEventId },
  );
  const events: EventSourceMessage[] = [];
  const parser = createParser({ onEvent: (event) => events.push(event) });
  let read = 0;
  await until(() => {
    const { isOver } = heard;
    parser.feed(heard.text.slice(read));
    read = heard.text.length;
    return isOver || events.length >= upTo;
  });
  await stop();
  return events.slice(0, upTo);
}

/** What is the same each time: everything but the time. */
export function timeless(event: EventSourceMessage): EventSourceMessage {
  if (event.event === 'time') return { ...event, data: kindOf(event.data) };
  return { ...event, data: event.data.replace(/"timestamp":[\d.]+,?/, '') };
}

/** Which of the formats of /sse/time that is. */
export function kindOf(data: string): string {
  if (!data.startsWith('{')) return 'human';
  const { format = 'detailed' } = JSON.parse(data) as { readonly format?: string };
  return format;
}
