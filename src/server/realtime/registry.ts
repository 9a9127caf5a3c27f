// Every session of a server: by id while it is open, and each life until it has ended.
import type { Life } from './life.ts';
import type { SseSession } from './sse-session.ts';
import type { WebSocketLink } from './websocket-link.ts';
import type { WebSocketSession } from './websocket-session.ts';

export type RealtimeSession = WebSocketSession | SseSession;

interface Entry {
  readonly session: RealtimeSession;
  /** Of a WebSocket. */
  readonly link?: WebSocketLink;
}

export class Registry {
  readonly sessions = new Map<string, RealtimeSession>();
  readonly #links = new Map<string, readonly [WebSocketSession, WebSocketLink]>();
  readonly #lives = new Map<string, Life>();
  #onEmpty: (() => void) | undefined;

  get lives(): readonly Life[] {
    return [...this.#lives.values()];
  }

  /** Open WebSockets, with what they consist of. */
  get webSockets(): Iterable<readonly [WebSocketSession, WebSocketLink]> {
    return this.#links.values();
  }

  linkOf(id: string): WebSocketLink | undefined {
    return this.#links.get(id)?.[1];
  }

  begin(id: string, life: Life): void {
    this.#lives.set(id, life);
  }

  open(id: string, { session, link }: Entry): void {
    this.sessions.set(id, session);
    if (link !== undefined) this.#links.set(id, [session as WebSocketSession, link]);
  }

  end(id: string): void {
    this.sessions.delete(id);
    this.#links.delete(id);
    this.#lives.delete(id);
    if (this.#lives.size === 0) this.#onEmpty?.();
  }

  /** Resolves when no session is left. */
  empty(): Promise<void> {
    if (this.#lives.size === 0) return Promise.resolve();
    return new Promise((resolve) => (this.#onEmpty = resolve));
  }
}
