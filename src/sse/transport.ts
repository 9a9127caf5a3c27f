// A transport whose socket is the body of an HTTP answer: one request, then events until the body ends. What it knows
// from one request to the next is in its place.
import type { Cure, Failure } from '../../machines/index.ts';
import type { Clock } from '../clock.ts';
import { deferred, type Deferred } from '../deferred.ts';
import type { ErrorCode, Details } from '../errors.ts';
import type { Provided } from '../options.ts';
import { beginningOf } from '../transports/refused-body.ts';
import type { Link, LinkEnd, LinkEvents, Target, Transport } from '../transports/transport.ts';
import { refuse, SILENT } from '../transports/websocket-native.ts';
import {
  EventStreamParser,
  EventTooLongError,
  type EventStreamListener,
  type StreamedEvent,
} from './event-stream.ts';
import type { Place } from './place.ts';
import { refusalOf } from './refusal.ts';
import { requestOf, type Fetch, type SseBody, type SseCredentials } from './request.ts';

export interface SseTransportOptions {
  readonly method: string;
  readonly body: Provided<SseBody> | undefined;
  readonly credentials: SseCredentials;
  readonly fetch: Fetch | undefined;
  readonly maxEventBytes: number;
}

export const sseTransport = (options: SseTransportOptions, place: Place): Transport => ({
  name: 'sse',
  schemes: 'http',
  ...(options.body !== undefined && { body: options.body }),
  open: (target, events, clock) => new SseLink(options, place, target, { events, clock }),
});

const failure = (code: ErrorCode, cure: Cure, details: Details = {}): Failure => ({ code, cure, details });

/** Neither a close frame nor a code of one exists here: the end was either clean (1005) or not (1006). */
const clean = (ending?: Failure): LinkEnd => ({
  closeCode: 1005,
  closeReason: '',
  ...(ending !== undefined && { failure: ending }),
});

const cut = (error: unknown, ending?: Failure): LinkEnd => ({ ...clean(ending), closeCode: 1006, error });

/** `fetch` says no more than "fetch failed"; its cause says why. */
const causeOf = (thrown: unknown): unknown =>
  thrown instanceof TypeError && thrown.cause instanceof Error ? thrown.cause : thrown;

interface Owner {
  readonly events: LinkEvents;
  readonly clock: Clock;
}

class SseLink implements Link, EventStreamListener {
  readonly bufferedBytes = 0;
  readonly bytesOut = 0;
  readonly #options: SseTransportOptions;
  readonly #place: Place;
  readonly #clock: Clock;
  readonly #startedAtMs: number;
  readonly #abort = new AbortController();
  #events: LinkEvents;
  /** `ending`: nothing more is read or told but the end. */
  #stage: 'running' | 'ending' = 'running';
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #bytesIn = 0;
  /** Present while the owner wants nothing to be read. */
  #pause: Deferred<undefined> | undefined;

  /** @throws {TypeError} what the platform says of headers that it cannot send */
  constructor(options: SseTransportOptions, place: Place, target: Target, { events, clock }: Owner) {
    this.#options = options;
    this.#place = place;
    this.#events = events;
    this.#clock = clock;
    this.#startedAtMs = clock.now();
    const { url, init } = requestOf(target, options, place.lastEventId);
    place.fruitless += 1;
    // A `fetch` that fails at once fails before anybody knows of this link.
    queueMicrotask(() => void this.#run(url, { ...init, signal: this.#abort.signal }));
  }

  get bytesIn(): number {
    return this.#bytesIn;
  }

  get #isRunning(): boolean {
    return this.#stage === 'running' && this.#events !== SILENT;
  }

  send(_frame: unknown, flushed?: (error?: unknown) => void): void {
    refuse(flushed);
  }

  whenDrained(callback: () => void): void {
    if (this.#isRunning) queueMicrotask(callback);
  }

  close(): void {
    if (!this.#isRunning) return;
    this.#stage = 'ending';
    this.#stopReading();
    queueMicrotask(() => this.#finish(clean()));
  }

  terminate(): void {
    this.#events = SILENT;
    this.#stopReading();
  }

  pause(): void {
    this.#pause ??= deferred();
  }

  resume(): void {
    this.#pause?.resolve(undefined);
    this.#pause = undefined;
  }

  #stopReading(): void {
    this.#abort.abort();
    // The signal ends the body too, but a `fetch` of one's own may not have heeded it.
    this.#reader?.cancel().catch(() => undefined);
    this.resume();
  }

  async #run(url: string, init: RequestInit): Promise<void> {
    try {
      const { fetch: request = globalThis.fetch } = this.#options;
      const response = await request(url, init);
      const refusal = refusalOf(response);
      if (refusal === undefined) await this.#follow(response);
      else this.#tellEnd(await this.#refused(response, refusal));
    } catch (thrown) {
      this.#tellEnd(endOf(thrown));
    }
  }

  async #refused(response: Response, refusal: Failure): Promise<LinkEnd> {
    const payload = await beginningOf(response.body, this.#clock, this.#abort.signal);
    return { ...clean(refusal), httpStatus: response.status, ...(payload !== '' && { payload }) };
  }

  async #follow({ url, headers, body }: Response): Promise<void> {
    this.#reader = body?.getReader();
    if (!this.#isRunning) {
      this.#stopReading();
      return;
    }
    this.#place.fruitless = 0;
    this.#place.response = { url, headers };
    const totalMs = this.#clock.now() - this.#startedAtMs;
    this.#events.opened({ subprotocol: '', timings: { totalMs } });
    await this.#read(this.#reader);
    this.#tellEnd(clean(failure('STREAM_ENDED', 'retry')));
  }

  /** Reads only as fast as the owner takes it: what is not read stays in the socket, and slows the server down. */
  async #read(reader: ReadableStreamDefaultReader<Uint8Array> | undefined): Promise<void> {
    const parser = new EventStreamParser(this, this.#options.maxEventBytes, this.#place.lastEventId);
    while (reader !== undefined && this.#isRunning) {
      await this.#pause?.promise;
      const { done, value } = await reader.read();
      if (done) return;
      this.#bytesIn += value.length;
      this.#events.ponged();
      parser.feed(value);
    }
  }

  /** An event that nobody hears any more was not received: the next request goes on before it. */
  event({ event, data, id }: StreamedEvent): void {
    if (!this.#isRunning) return;
    this.#place.lastEventId = id;
    this.#events.received(data, { event, id });
  }

  id(id: string): void {
    if (this.#isRunning) this.#place.lastEventId = id;
  }

  retry(ms: number): void {
    if (this.#isRunning) this.#place.retryHintMs = ms;
  }

  /** Once, and only while nobody has ended it on this side. */
  #tellEnd(end: LinkEnd): void {
    if (this.#isRunning) this.#finish(end);
  }

  #finish(end: LinkEnd): void {
    const events = this.#events;
    this.terminate();
    events.ended(end);
  }
}

const endOf = (thrown: unknown): LinkEnd =>
  thrown instanceof EventTooLongError
    ? cut(thrown, failure('EVENT_TOO_LARGE', 'retryOnce', { maxBytes: thrown.maxBytes }))
    : cut(causeOf(thrown));
