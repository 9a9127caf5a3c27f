// A session in a pipe: messages on stdout, one after the other; what happens to the connection on stderr.
import type { Io } from '../io.ts';
import { messageText, type MessageFormat } from '../session/message-text.ts';
import { stateLog, type StateLogOptions } from '../session/state-log.ts';
import { problemOf } from './problems.ts';
import type { View } from './view.ts';

export interface TextViewOptions extends Omit<StateLogOptions, 'problemOf'> {
  readonly isJson: boolean;
}

export function textView(io: Pick<Io, 'stdout' | 'stderr' | 'env'>, options: TextViewOptions): View {
  const { stdout } = io;
  const { log, ...states } = stateLog(io, { ...options, problemOf });
  const format: MessageFormat = { isJson: options.isJson, isTerminal: stdout.isTTY === true };
  return {
    ...states,
    welcome: (frame) => log(`the server answered: ${messageText(frame, { ...format, isTerminal: true })}`),
    message: (frame) => void stdout.write(`${messageText(frame, format)}\n`),
    sent: () => undefined,
  };
}
