// A session for a program: one JSON object a line on stdout, and nothing anywhere else.
import type { Io } from '../io.ts';
import type { StateView } from './view.ts';

export interface JsonStates extends StateView {
  /** One more object of this type. */
  readonly say: (type: string, fields: object) => void;
}

export function jsonStates({ stdout }: Pick<Io, 'stdout'>): JsonStates {
  const say = (type: string, fields: object) => void stdout.write(`${JSON.stringify({ type, ...fields })}\n`);
  return {
    say,
    transition: ({ error, ...change }) =>
      say('state', { ...change, ...(error && { explanation: error.message }) }),
    problem: (problem) => say('error', problem),
    close: () => undefined,
  };
}
