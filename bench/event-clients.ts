// The event stream clients side by side, each used as its documentation says, behind one interface.
import { setTimeout as sleep } from 'node:timers/promises';
import { EventSource } from 'eventsource';
import { createParser } from 'eventsource-parser';
import { SseConnection, StatewireEventSource } from '../src/sse/index.ts';

export type OnEvent = (id: string, data: string) => void;

export interface EventClient {
  close(): void | Promise<void>;
}

export type EventContender = (url: string, onEvent: OnEvent) => EventClient;

/** As an application would write it: come back, but at fixed times, by no more than the server's hint. */
const fetchAndParser: EventContender = (url, onEvent) => {
  const end = new AbortController();
  let delayMs = 3_000;
  const read = async (): Promise<void> => {
    const parser = createParser({
      onEvent: ({ id = '', data }) => onEvent(id, data),
      onRetry: (ms) => (delayMs = ms),
    });
    const decoder = new TextDecoder();
    const response = await fetch(url, { headers: { Accept: 'text/event-stream' }, signal: end.signal });
    const reader = response.body!.getReader();
    for (let read = await reader.read(); !read.done; read = await reader.read())
      parser.feed(decoder.decode(read.value, { stream: true }));
  };
  void (async () => {
    while (!end.signal.aborted) {
      await read().catch(() => undefined);
      await sleep(delayMs, undefined, { signal: end.signal }).catch(() => undefined);
    }
  })();
  return { close: () => end.abort() };
};

const eventSource: EventContender = (url, onEvent) => {
  const source = new EventSource(url);
  source.addEventListener('message', ({ lastEventId, data }) => onEvent(lastEventId, data as string));
  return { close: () => source.close() };
};

const sseConnection: EventContender = (url, onEvent) => {
  const connection = new SseConnection({ url });
  connection.on('message', ({ id, data }) => onEvent(id, data));
  void connection.connect();
  return { close: () => connection.disconnect() };
};

const statewireEventSource: EventContender = (url, onEvent) => {
  const source = new StatewireEventSource(url);
  source.addEventListener('message', ({ lastEventId, data }: MessageEvent<string>) =>
    onEvent(lastEventId, data),
  );
  return { close: () => source.connection.disconnect() };
};

/** The first one is what the others are measured by. */
export const EVENT_CLIENTS = {
  'fetch + eventsource-parser': fetchAndParser,
  eventsource: eventSource,
  SseConnection: sseConnection,
  StatewireEventSource: statewireEventSource,
} as const satisfies Readonly<Record<string, EventContender>>;

export type EventClientName = keyof typeof EVENT_CLIENTS;
