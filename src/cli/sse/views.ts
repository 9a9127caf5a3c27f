// What a session shows beside its states: events, for a reader or for a program.
import type { SseEvent } from '../../sse/protocol.ts';
import type { Io } from '../io.ts';
import { jsonStates } from '../session/json-states.ts';
import { messageFields, messageText, type MessageFormat } from '../session/message-text.ts';
import { stateLog } from '../session/state-log.ts';
import type { StateView } from '../session/view.ts';
import { harmless, styleOf } from '../style.ts';
import { problemOf } from './problems.ts';

export interface SseView extends StateView {
  event(event: SseEvent): void;
}

export function jsonView(io: Pick<Io, 'stdout'>, isJson: boolean): SseView {
  const { say, ...states } = jsonStates(io);
  return {
    ...states,
    event: ({ event, id, data }) => say('event', { event, id, ...messageFields(data, isJson) }),
  };
}

export interface TextViewOptions {
  readonly isJson: boolean;
  readonly isQuiet: boolean;
  /** The server's address, fit to be shown. */
  readonly address: string;
  /** The id from which the stream goes on: it is not news. */
  readonly lastEventId: string;
}

/** Events on stdout, one after the other; what happens to the stream on stderr. */
export function textView(io: Pick<Io, 'stdout' | 'stderr' | 'env'>, options: TextViewOptions): SseView {
  const { stdout } = io;
  const { log, ...states } = stateLog(io, { ...options, problemOf });
  const { dim } = styleOf(io, stdout);
  const format: MessageFormat = { isJson: options.isJson, isTerminal: stdout.isTTY === true };
  let { lastEventId } = options;
  return {
    ...states,
    transition: (transition) => {
      states.transition(transition);
      if (transition.state === 'failed' && transition.error?.code === 'STREAM_OVER')
        log('the server has no more events (HTTP 204)');
    },
    event: (event) => {
      const head = headOf(event, lastEventId);
      lastEventId = event.id;
      stdout.write(`${dim(head)}${head === '' ? '' : ' '}${messageText(event.data, format)}\n`);
    },
  };
}

/** `[price, id 7]`: the name where it is one, the id where it is another one than before. */
function headOf({ event, id }: SseEvent, lastId: string): string {
  const parts = [
    ...(event === 'message' ? [] : [harmless(event)]),
    ...(id === lastId || id === '' ? [] : [`id ${harmless(id)}`]),
  ];
  return parts.length === 0 ? '' : `[${parts.join(', ')}]`;
}
