// The interface of the DOM's `EventSource` over an SSE connection, for code that was written for it.
import * as platform from '#platform';
import type { ConnectionState } from '../../machines/index.ts';
import { blame, ConnectionError } from '../errors.ts';
import { redactorFor } from '../redact.ts';
import { watchRejection } from '../rejections.ts';
import type { SseOptions } from './options.ts';
import { SseConnection } from './sse-connection.ts';

/** All that an SSE connection takes, but the URL; `data` is always text. */
export interface StatewireEventSourceInit extends Omit<SseOptions, 'url' | 'decode' | 'credentials'> {
  /**
   * Whether a browser sends cookies to another origin too.
   *
   * @defaultValue `false`
   */
  readonly withCredentials?: boolean;
}

type Handler<Told extends Event> = ((this: StatewireEventSource, event: Told) => unknown) | null;

type PlainListener = Parameters<EventTarget['addEventListener']>[1];
type Listener = PlainListener | ((event: MessageEvent<string>) => unknown);
type Options = Parameters<EventTarget['addEventListener']>[2];

const CONNECTING = 0;
const OPEN = 1;
const CLOSED = 2;

const READY_STATES: Readonly<Record<ConnectionState, 0 | 1 | 2>> = {
  idle: CONNECTING,
  connecting: CONNECTING,
  authenticating: CONNECTING,
  reconnecting: CONNECTING,
  open: OPEN,
  closing: CLOSED,
  closed: CLOSED,
  failed: CLOSED,
};

/**
 * A stand-in for `EventSource` (WHATWG HTML §9.2) that comes back from what the DOM's one does not: 404, 429 and
 * 5xx, a stream that goes silent. `connection` is what does it. A listener that throws is reported to the platform, and
 * hurts nobody: by themselves, Node's events would end the process.
 */
export class StatewireEventSource extends EventTarget {
  static readonly CONNECTING = CONNECTING;
  static readonly OPEN = OPEN;
  static readonly CLOSED = CLOSED;
  readonly CONNECTING = CONNECTING;
  readonly OPEN = OPEN;
  readonly CLOSED = CLOSED;

  /** The address, absolute, of the stream that was asked for. */
  readonly url: string;
  readonly withCredentials: boolean;
  /** What does it: its state, its errors, its figures. */
  readonly connection: SseConnection;
  readonly #options: Omit<StatewireEventSourceInit, 'withCredentials'>;
  readonly #handlers = new Map<string, PlainListener>();
  readonly #guarded = new WeakMap<object, (event: Event) => void>();

  /**
   * Connects at once.
   *
   * @throws {InvalidOptionError} for a URL or an option that cannot be meant
   */
  constructor(url: string | URL, { withCredentials = false, ...options }: StatewireEventSourceInit = {}) {
    super();
    this.withCredentials = withCredentials;
    this.#options = options;
    this.connection = new SseConnection({
      ...options,
      url,
      credentials: withCredentials ? 'include' : 'same-origin',
    });
    this.url = new URL(url, (globalThis as { location?: { href?: string } }).location?.href).href;
    this.#listen();
    // What it rejects with is told as an error event.
    this.connection.connect().catch(() => undefined);
  }

  get readyState(): 0 | 1 | 2 {
    return READY_STATES[this.connection.state];
  }

  get onopen(): Handler<Event> {
    return this.#handler('open');
  }
  set onopen(handler: Handler<Event>) {
    this.#handle('open', handler);
  }

  get onmessage(): Handler<MessageEvent<string>> {
    return this.#handler('message');
  }
  set onmessage(handler: Handler<MessageEvent<string>>) {
    this.#handle('message', handler);
  }

  /** Told of each loss, when `readyState` is `CONNECTING`, and of the end, when it is `CLOSED`. */
  get onerror(): Handler<Event> {
    return this.#handler('error');
  }
  set onerror(handler: Handler<Event>) {
    this.#handle('error', handler);
  }

  /** As the DOM's own, with the type that events of a stream have. */
  override addEventListener(type: string, listener: Listener, options?: Options): void {
    super.addEventListener(type, this.#guard(listener as PlainListener), options);
  }

  override removeEventListener(type: string, listener: Listener, options?: Options): void {
    super.removeEventListener(type, this.#guard(listener as PlainListener), options);
  }

  /** Ends it for good; nothing is told after that. */
  close(): void {
    void this.connection.disconnect();
  }

  /** The same for the same listener, so that it can be removed. */
  #guard(listener: PlainListener): PlainListener {
    if (listener === null) return null;
    const known = this.#guarded.get(listener);
    if (known !== undefined) return known;
    const guarded = (event: Event): void => {
      const failed = (thrown: unknown): void => this.#report(event.type, thrown);
      try {
        const result = typeof listener === 'function' ? call(listener, this, event) : handle(listener, event);
        watchRejection(result, failed);
      } catch (thrown) {
        failed(thrown);
      }
    };
    this.#guarded.set(listener, guarded);
    return guarded;
  }

  #report(event: string, thrown: unknown): void {
    const redactor = redactorFor({ options: this.#options });
    const error = new ConnectionError('LISTENER_FAILED', blame(thrown, redactor, { event }));
    const { logger } = this.#options;
    if (logger === undefined) platform.reportUncaught(error);
    else logger.error(error.message, { error });
  }

  #listen(): void {
    const { connection } = this;
    let origin = '';
    connection.on('open', () => {
      // Once for each stream, since to take a URL apart costs a third of an event. An answer that a `fetch` of one's own
      // has made has no URL.
      ({ origin } = new URL(connection.response?.url || this.url));
      this.dispatchEvent(new Event('open'));
    });
    connection.on('reconnecting', () => this.dispatchEvent(new Event('error')));
    connection.on('failed', () => this.dispatchEvent(new Event('error')));
    connection.on('message', ({ event, data, id }) => {
      this.dispatchEvent(new MessageEvent(event, { data, lastEventId: id, origin }));
    });
  }

  #handler<Told extends Event>(name: string): Handler<Told> {
    return (this.#handlers.get(name) as Handler<Told> | undefined) ?? null;
  }

  #handle(name: string, handler: unknown): void {
    const before = this.#handlers.get(name);
    if (before !== undefined) this.removeEventListener(name, before);
    this.#handlers.delete(name);
    if (typeof handler !== 'function') return;
    this.#handlers.set(name, handler as PlainListener);
    this.addEventListener(name, handler as PlainListener);
  }
}

/** The DOM's types have listeners return nothing; those of users may return a promise. */
const call = (listener: (event: Event) => unknown, self: unknown, event: Event): unknown =>
  listener.call(self, event);

const handle = (listener: { handleEvent(event: Event): unknown }, event: Event): unknown =>
  listener.handleEvent(event);
