// A session in a pipe: messages on stdout, one after the other; what happens to the connection on stderr.
import { complaint, type Io } from '../io.ts';
import { seconds, styleOf } from '../style.ts';
import { messageText, type MessageFormat } from './message-text.ts';
import { problemOf } from './problems.ts';
import type { Transition, View } from './view.ts';

export interface TextViewOptions {
  readonly isJson: boolean;
  readonly isQuiet: boolean;
  /** The server's address, fit to be shown. */
  readonly address: string;
}

export function textView(io: Pick<Io, 'stdout' | 'stderr' | 'env'>, options: TextViewOptions): View {
  const { stdout, stderr } = io;
  const style = styleOf(io, stderr);
  const format: MessageFormat = { isJson: options.isJson, isTerminal: stdout.isTTY === true };
  let isClosed = false;
  const log = (line: string) => {
    if (!options.isQuiet && !isClosed) stderr.write(style.dim(`statewire: ${line}`) + '\n');
  };
  return {
    transition: (transition) => {
      const line = lineOf(transition, options.address);
      if (line !== undefined) log(line);
    },
    welcome: (frame) => log(`the server answered: ${messageText(frame, { ...format, isTerminal: true })}`),
    message: (frame) => void stdout.write(`${messageText(frame, format)}\n`),
    sent: () => undefined,
    problem: ({ message, remedy }) => void stderr.write(complaint(message, remedy)),
    close: () => {
      isClosed = true;
    },
  };
}

/** `undefined` for a transition that tells nothing that another one does not. */
function lineOf(
  { state, previous, attempt, retryInMs, error }: Transition,
  address: string,
): string | undefined {
  if (state === 'connecting') return attempt === 0 ? `connecting to ${address}` : undefined;
  if (state === 'open') return attempt === 0 ? 'open' : `open again, attempt ${attempt}`;
  if (state === 'reconnecting' && error !== undefined) {
    const plan = retryInMs === null ? '' : ` Retry ${attempt} in ${seconds(retryInMs)}.`;
    return `${previous} → reconnecting: ${problemOf(error).message}${plan}`;
  }
  return state === 'closed' ? 'closed' : undefined;
}
