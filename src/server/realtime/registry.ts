// Every session of a server: by id while it is open, and each guest until it has ended.
import type { Life } from './life.ts';
import type { SessionLink } from './session-link.ts';
import type { SseSession } from './sse-session.ts';
import { WebSocketLink } from './websocket-link.ts';
import type { WebSocketSession } from './websocket-session.ts';

export type RealtimeSession = WebSocketSession | SseSession;

interface Guest {
  readonly life: Life;
  readonly session: unknown;
  readonly connection: SessionLink | undefined;
}

export class Registry {
  readonly sessions = new Map<string, RealtimeSession>();
  readonly #guests = new Map<string, Guest>();
  #onEmpty: (() => void) | undefined;

  get guests(): readonly Guest[] {
    return [...this.#guests.values()];
  }

  /** WebSockets, with what they consist of. */
  *webSockets(): Iterable<readonly [WebSocketSession, WebSocketLink]> {
    for (const { session, connection } of this.#guests.values())
      if (connection instanceof WebSocketLink) yield [session as WebSocketSession, connection];
  }

  begin(id: string, guest: Guest): void {
    this.#guests.set(id, guest);
  }

  open(id: string, session: RealtimeSession): void {
    this.sessions.set(id, session);
  }

  end(id: string): void {
    this.sessions.delete(id);
    this.#guests.delete(id);
    if (this.#guests.size === 0) this.#onEmpty?.();
  }

  /** Resolves when no session is left. */
  empty(): Promise<void> {
    if (this.#guests.size === 0) return Promise.resolve();
    return new Promise((resolve) => (this.#onEmpty = resolve));
  }
}
