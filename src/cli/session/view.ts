// What a session shows of its connection, whatever it is shown on: its states and what went wrong.
import type { ConnectionError } from '../../errors.ts';
import type { StateChange } from '../../events.ts';

/** A transition, and the failure that led to it, if one did. */
export interface Transition extends StateChange {
  readonly error: ConnectionError | undefined;
}

/** Something that went wrong, in the words of a command. */
export interface Problem {
  readonly code: string;
  readonly message: string;
  readonly remedy: string | undefined;
}

export interface StateView {
  transition(transition: Transition): void;
  problem(problem: Problem): void;
  /** Nothing more is shown. */
  close(): void;
}
