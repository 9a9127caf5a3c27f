// The registry of generated text: what stands between `<!-- generated:NAME -->` and `<!-- /generated:NAME -->`.
// A new generator is one more line of BLOCKS.
import { posix } from 'node:path';
import { initialTransition } from 'xstate';
import { connectionMachine, selectState } from '../machines/index.ts';
import { ERRORS } from '../src/errors.ts';
import type { SessionErrorCode } from '../src/server/index.ts';
import { toGraph, valueOf, type GraphState } from './graph.ts';
import { toMermaid } from './mermaid.ts';
import * as options from './options.ts';
import { errorsTable, eventsTable, statesTable } from './tables.ts';

const graph = toGraph(connectionMachine);

/** Of the table of all errors, those of a server's session. */
const SESSION_ERRORS: Readonly<Record<SessionErrorCode, (typeof ERRORS)[SessionErrorCode]>> = {
  SESSION_CLOSED: ERRORS.SESSION_CLOSED,
  SEND_BUFFER_FULL: ERRORS.SEND_BUFFER_FULL,
  TOO_MANY_PINGS: ERRORS.TOO_MANY_PINGS,
  UNEXPECTED_MESSAGE: ERRORS.UNEXPECTED_MESSAGE,
  INVALID_JSON: ERRORS.INVALID_JSON,
  RECEIVE_TIMEOUT: ERRORS.RECEIVE_TIMEOUT,
};

/** Those of channels, and of what is built on them. */
const CHANNEL_ERRORS = {
  NOT_CONNECTED: ERRORS.NOT_CONNECTED,
  NOT_SUBSCRIBED: ERRORS.NOT_SUBSCRIBED,
  SUBSCRIPTION_REFUSED: ERRORS.SUBSCRIPTION_REFUSED,
  SUBSCRIPTION_TIMEOUT: ERRORS.SUBSCRIPTION_TIMEOUT,
  PUBLISH_REFUSED: ERRORS.PUBLISH_REFUSED,
  PUBLISH_FAILED: ERRORS.PUBLISH_FAILED,
  ASSISTANT_FAILED: ERRORS.ASSISTANT_FAILED,
  ASSISTANT_TIMEOUT: ERRORS.ASSISTANT_TIMEOUT,
  ANSWER_CANCELLED: ERRORS.ANSWER_CANCELLED,
  ANSWER_CUT_OFF: ERRORS.ANSWER_CUT_OFF,
  TOOL_FAILED: ERRORS.TOOL_FAILED,
  TOOL_TIMEOUT: ERRORS.TOOL_TIMEOUT,
};

/** What every block holds, as Markdown, by its name; links are relative to the file at `path` that holds it. */
export const BLOCKS: Readonly<Record<string, (path: string) => string>> = {
  drawing,
  states: () => statesTable(graph, publicStateOf),
  events: () => eventsTable(graph),
  errors: () => errorsTable(ERRORS),
  options: options.connectionOptions,
  'realtime-options': options.realtimeOptions,
  'realtime-limits': options.realtimeLimits,
  'history-options': options.historyOptions,
  'sse-options': options.sseOptions,
  'session-errors': () => errorsTable(SESSION_ERRORS),
  'channel-options': options.channelOptions,
  'relay-options': options.relayOptions,
  'hub-options': options.hubOptions,
  'presence-options': options.presenceOptions,
  'hub-limits': options.hubLimits,
  'memory-broker-options': options.memoryBrokerOptions,
  'nats-broker-options': options.natsBrokerOptions,
  'channel-errors': () => errorsTable(CHANNEL_ERRORS),
};

function drawing(path: string): string {
  const picture = posix.relative(posix.dirname(path), 'visualizations/connection.svg');
  return `![The connection machine](${picture})

Blue is the way to \`open\`. Dashed lines are delays. A green badge names what is at work while its state lasts, a grey one what happens to messages. What is the same in many states, such as \`disconnect → closed\`, is written in the box.

<details>
<summary>As text (Mermaid)</summary>

\`\`\`mermaid
${toMermaid(graph)}\`\`\`

</details>`;
}

const limits = { connectMs: 0, handshakeMs: 0, closeMs: 0, stableAfterMs: 0, networkPatienceMs: 0 };

function publicStateOf({ path }: GraphState): string {
  const [{ context }] = initialTransition(connectionMachine, { limits });
  return selectState(connectionMachine.resolveState({ value: valueOf(path), context }));
}
