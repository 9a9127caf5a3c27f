// A session for a program: messages among the states, one JSON object a line.
import type { Io } from '../io.ts';
import { jsonStates } from '../session/json-states.ts';
import { messageFields } from '../session/message-text.ts';
import type { View } from './view.ts';

export function jsonView(io: Pick<Io, 'stdout'>, isJson: boolean): View {
  const { say, ...states } = jsonStates(io);
  return {
    ...states,
    welcome: (frame) => say('welcome', messageFields(frame, isJson)),
    message: (frame) => say('message', messageFields(frame, isJson)),
    sent: () => undefined,
  };
}
