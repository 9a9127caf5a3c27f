// A session for a program: one JSON object a line on stdout, and nothing anywhere else.
import type { Io } from '../io.ts';
import { messageFields } from './message-text.ts';
import type { View } from './view.ts';

export function jsonView({ stdout }: Pick<Io, 'stdout'>, isJson: boolean): View {
  const say = (type: string, fields: object) => void stdout.write(`${JSON.stringify({ type, ...fields })}\n`);
  return {
    transition: ({ error, ...change }) =>
      say('state', { ...change, ...(error && { explanation: error.message }) }),
    welcome: (frame) => say('welcome', messageFields(frame, isJson)),
    message: (frame) => say('message', messageFields(frame, isJson)),
    sent: () => undefined,
    problem: (problem) => say('error', problem),
    close: () => undefined,
  };
}
