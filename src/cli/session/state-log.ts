// What happens to a connection, as lines on stderr: beside the messages, which have stdout for themselves.
import { complaint, type Io } from '../io.ts';
import { harmless, seconds, styleOf } from '../style.ts';
import type { ProblemOf } from './problems.ts';
import type { StateView, Transition } from './view.ts';

export interface StateLogOptions {
  readonly isQuiet: boolean;
  /** The server's address, fit to be shown. */
  readonly address: string;
  readonly problemOf: ProblemOf;
}

export interface StateLog extends StateView {
  /** One more line, unless only messages and errors are wanted. */
  readonly log: (line: string) => void;
}

export function stateLog(
  io: Pick<Io, 'stderr' | 'env'>,
  { isQuiet, address, problemOf }: StateLogOptions,
): StateLog {
  const { stderr } = io;
  const style = styleOf(io, stderr);
  let isClosed = false;
  const log = (line: string) => {
    if (!isQuiet && !isClosed) stderr.write(style.dim(`statewire: ${harmless(line)}`) + '\n');
  };
  return {
    log,
    transition: (transition) => {
      const line = lineOf(transition, address, problemOf);
      if (line !== undefined) log(line);
    },
    problem: ({ message, remedy }) => void stderr.write(complaint(harmless(message), remedy)),
    close: () => {
      isClosed = true;
    },
  };
}

/** `undefined` for a transition that tells nothing that another one does not. */
function lineOf(
  { state, previous, attempt, retryInMs, error }: Transition,
  address: string,
  problemOf: ProblemOf,
): string | undefined {
  if (state === 'connecting') return attempt === 0 ? `connecting to ${address}` : undefined;
  if (state === 'open') return attempt === 0 ? 'open' : `open again, attempt ${attempt}`;
  if (state === 'reconnecting' && error !== undefined) {
    const plan = retryInMs === null ? '' : ` Retry ${attempt} in ${seconds(retryInMs)}.`;
    return `${previous} → reconnecting: ${problemOf(error).message}${plan}`;
  }
  return state === 'closed' ? 'closed' : undefined;
}
