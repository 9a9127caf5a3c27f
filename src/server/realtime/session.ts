// What every session of a server can be asked, whatever its connection carries.
import type { SessionState } from '../../../machines/index.ts';
import type { SessionLink } from './session-link.ts';

export abstract class Session {
  readonly #link: SessionLink;

  constructor(link: SessionLink) {
    this.#link = link;
  }

  /** Unique. */
  get id(): string {
    return this.#link.id;
  }

  /** The path that was asked for, without the query. */
  get path(): string {
    return this.#link.target.path;
  }

  /** The path of the route. */
  get route(): string {
    return this.#link.target.route;
  }

  /** The parameters of the path, by their names in the route. */
  get params(): Readonly<Record<string, string>> {
    return this.#link.target.params;
  }

  /** What follows the path, decoded. */
  get query(): URLSearchParams {
    return this.#link.target.query;
  }

  /** What `authenticate` resolved with. */
  get identity(): unknown {
    return this.#link.identity;
  }

  /** `open` while the handler may use it; `accepting` is over before there is a handler. */
  get state(): SessionState {
    return this.#link.life.state;
  }

  /** Whether it can be sent to: `open`, and the client has not begun to leave. */
  get isOpen(): boolean {
    return this.#link.isOpen;
  }

  /** Why it is closing or closed, such as `CLOSED_BY_PEER`, `HANDLER_FAILED`, `HEARTBEAT_TIMEOUT`. */
  get closeCause(): string {
    return this.#link.life.ending.cause;
  }

  /** Aborted when it is not open any more, for work that is done for this client only. */
  get signal(): AbortSignal {
    return this.#link.signal;
  }

  /** Bytes that the operating system has not taken yet. */
  get bufferedAmount(): number {
    return this.#link.bufferedAmount;
  }
}
