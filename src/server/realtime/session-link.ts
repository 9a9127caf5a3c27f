// What the connection of a session has, whatever it carries.
import type { SessionError } from './errors.ts';
import type { Life, Report } from './life.ts';
import type { RealtimeSettings } from './options.ts';
import type { Target } from './places.ts';

export interface SessionLinkOptions {
  readonly id: string;
  readonly target: Target;
  readonly identity: unknown;
  readonly life: Life;
  readonly settings: RealtimeSettings;
}

/** What an inspector is shown, whatever a message is. */
export interface LinkFigures {
  readonly messagesSent: number;
  readonly messagesReceived: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly bufferedBytes: number;
  readonly rttMs: number | undefined;
}

export abstract class SessionLink {
  readonly id: string;
  readonly target: Target;
  readonly identity: unknown;
  readonly life: Life;
  readonly settings: RealtimeSettings;
  #controller: AbortController | undefined;

  constructor({ id, target, identity, life, settings }: SessionLinkOptions) {
    this.id = id;
    this.target = target;
    this.identity = identity;
    this.life = life;
    this.settings = settings;
  }

  abstract get isOpen(): boolean;
  abstract get bufferedAmount(): number;
  abstract get figures(): LinkFigures;
  /** What whoever wants something of it is told when it is not open any more. */
  abstract closedError(): SessionError;

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (!this.life.isOpen) this.#controller.abort(this.closedError());
    return this.#controller.signal;
  }

  /** Why nothing is sent any more; `undefined` while it is. */
  get refusal(): SessionError | undefined {
    return this.isOpen ? undefined : this.closedError();
  }

  /** Hears of its end, and of what comes. The one who is told last is the machine. */
  abstract listen(report: Report): void;
  /** Ends it if it is still there. */
  abstract cutOff(): void;
  abstract watch(report: Report): void;
  abstract stopWatching(): void;

  /** The client takes nothing. */
  giveUp(): void {
    this.life.tell({ type: 'terminate', cause: 'CONSUMER_TOO_SLOW' });
  }

  /** Nothing more is taken or given. */
  endTraffic(): void {
    this.#controller?.abort(this.closedError());
  }
}
