// The public door of "statewire/sse".
export { SseConnection } from './sse-connection.ts';
export { StatewireEventSource, type StatewireEventSourceInit } from './event-source.ts';
export { SSE_DEFAULTS, type SseOptions } from './options.ts';
export type { SseDecode, SseEvent } from './protocol.ts';
export type { SseResponse } from './place.ts';
export type { Fetch, SseBody, SseCredentials } from './request.ts';
