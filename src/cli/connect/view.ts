// What a session shows, whatever it is shown on: a terminal, a pipe, or a program that reads JSON.
import type { ConnectionError } from '../../errors.ts';
import type { StateChange } from '../../events.ts';
import type { ConnectionStats } from '../../statistics.ts';
import type { Frame } from '../../transports/transport.ts';

/** A transition, and the failure that led to it, if one did. */
export interface Transition extends StateChange {
  readonly error: ConnectionError | undefined;
}

/** Something that went wrong, in the words of this command. */
export interface Problem {
  readonly code: string;
  readonly message: string;
  readonly remedy: string | undefined;
}

export interface View {
  transition(transition: Transition): void;
  /** The server's answer to the authentication frame. */
  welcome(frame: Frame): void;
  message(frame: Frame): void;
  /** A line was taken; it waits when the connection is not open. */
  sent(line: string): void;
  problem(problem: Problem): void;
  /** Nothing more is shown. */
  close(): void;
}

/** Where a view reads off what changes by itself. */
export type Gauges = Pick<ConnectionStats, 'rttMs' | 'messagesIn' | 'messagesOut'>;
