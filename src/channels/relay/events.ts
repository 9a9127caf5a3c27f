// What an assistant is heard to say, in two languages: the seed's events of a run, and the few steps that anything else
// can be put into. Both become the same steps.
import { textOf } from '../../errors.ts';

/** An event of a run, as the seed's assistant and the OpenAI Assistants API send them. Those of no interest are passed over. */
export interface AssistantEvent {
  /** `thread.run.created`, `thread.message.delta` … */
  readonly event: string;
  readonly data?: unknown;
}

/** A tool that the assistant wants to have run. */
export interface ToolCall {
  readonly id: string;
  readonly name: string;
  /** JSON, as assistants write it, or what it says. Default: none, `{}`. */
  readonly arguments?: string | Readonly<Record<string, unknown>>;
}

/**
 * What any assistant's stream can be put into, by a generator of a few lines:
 *
 * ```ts
 * async function* stepsOf(stream: AsyncIterable<Chunk>): AsyncGenerator<AssistantStep> {
 *   for await (const chunk of stream) yield { type: 'text', delta: chunk.text };
 * }
 * ```
 */
export type AssistantStep =
  /** To which thread the answer belongs, as soon as it is known. */
  | { readonly type: 'thread'; readonly threadId: string; readonly runId?: string }
  /** More text. */
  | { readonly type: 'text'; readonly delta: string }
  /**
   * A tool was called. If its result does not come in the same stream, it is the relay that runs it when the stream has
   * ended, and the answer goes on with the stream that `submitToolOutputs` returns. The same `id` again replaces it.
   */
  | ({ readonly type: 'tool' } & ToolCall)
  /** The assistant's side has run the tool itself. */
  | { readonly type: 'tool-result'; readonly id: string; readonly output?: unknown }
  /** There will be no answer. */
  | { readonly type: 'error'; readonly error: unknown }
  /** The stream has ended; to end it says the same. */
  | { readonly type: 'done' };

/** Steps, and one more: the calls so far are to be run now. */
export type Step = AssistantStep | { readonly type: 'due' };

type Data = Readonly<Record<string, unknown>>;

const NONE: readonly Step[] = [];
const isText = (value: unknown): value is string => typeof value === 'string';

function dataIn(value: unknown): Data {
  return typeof value === 'object' && value !== null ? (value as Data) : {};
}

/** The text of all parts of a message that are text. */
function textIn(content: unknown): string {
  if (!Array.isArray(content)) return '';
  return content
    .map((part) => dataIn(dataIn(part)['text'])['value'])
    .filter(isText)
    .join('');
}

function threadIn(data: Data): readonly Step[] {
  const { id, thread_id: threadId } = data;
  return isText(threadId) ? [{ type: 'thread', threadId, ...(isText(id) && { runId: id }) }] : NONE;
}

function callIn(given: unknown): Step {
  const { id, function: called } = dataIn(given);
  const { name, arguments: args } = dataIn(called);
  if (!isText(id) || !isText(name))
    throw new TypeError('Invalid event: expected tool_calls of { id, function: { name, arguments } }.');
  return { type: 'tool', id, name, ...(isText(args) && { arguments: args }) };
}

/** Reads the events of one answer, in as many streams as it takes. */
export class Translator {
  /** Of the seed's events; steps of the adapter need none. */
  #run: 'none' | 'open' | 'answered' = 'none';
  #messageId: unknown;
  #isMessageEmpty = true;
  #hasText = false;

  /** @throws {TypeError} for what is neither an event nor a step */
  read(item: AssistantEvent | AssistantStep): readonly Step[] {
    const { event, type } = dataIn(item);
    if (isText(event)) return this.#readEvent(event, dataIn((item as AssistantEvent).data));
    if (!isText(type)) throw new TypeError('Invalid event: expected { event, data } or { type, … }.');
    return [item as AssistantStep];
  }

  /** What it means that a stream has ended. */
  end(): Step {
    if (this.#run !== 'open') return { type: 'done' };
    return { type: 'error', error: 'The connection to the assistant ended before its run had.' };
  }

  #readEvent(event: string, data: Data): readonly Step[] {
    switch (event) {
      case 'thread.created':
        return threadIn({ thread_id: data['id'] });
      case 'thread.run.created':
      case 'thread.run.queued':
      case 'thread.run.in_progress':
        this.#run = 'open';
        return threadIn(data);
      case 'thread.run.requires_action':
        this.#run = 'none';
        return [...threadIn(data), ...callsIn(data), { type: 'due' }];
      case 'thread.message.delta':
        return this.#addText(data['id'], textIn(dataIn(data['delta'])['content']));
      case 'thread.message.completed':
        return this.#endMessage(data);
      case 'thread.run.completed':
        return [...threadIn(data), { type: 'done' }];
      default:
        return failureIn(event, data);
    }
  }

  /** A message after another one begins a new paragraph. */
  #addText(messageId: unknown, text: string): readonly Step[] {
    const isNew = messageId !== this.#messageId;
    this.#messageId = messageId;
    if (isNew) this.#isMessageEmpty = true;
    if (text === '') return NONE;
    const delta = this.#isMessageEmpty && this.#hasText ? `\n\n${text}` : text;
    this.#isMessageEmpty = false;
    this.#hasText = true;
    return [{ type: 'text', delta }];
  }

  /** One that came without deltas comes whole. */
  #endMessage({ id, content }: Data): readonly Step[] {
    if (this.#run === 'open') this.#run = 'answered';
    const isKnown = id === this.#messageId && !this.#isMessageEmpty;
    return isKnown ? NONE : this.#addText(id, textIn(content));
  }
}

function callsIn(data: Data): readonly Step[] {
  const { submit_tool_outputs: wanted } = dataIn(data['required_action']);
  const { tool_calls: calls } = dataIn(wanted);
  if (!Array.isArray(calls))
    throw new TypeError('Invalid event: expected required_action.submit_tool_outputs.tool_calls.');
  return calls.map(callIn);
}

/** Why a run that ended so has no answer. The words are those of the table of friendly messages. */
const ENDINGS: Readonly<Record<string, (data: Data) => string>> = {
  error: said,
  'thread.run.failed': ({ last_error: error }) => said(dataIn(error)),
  'thread.run.expired': () => 'Timeout: the run expired before it had completed.',
  'thread.run.cancelled': () => 'The run was cancelled.',
  'thread.run.incomplete': ({ incomplete_details: details }) =>
    `The run ended incomplete: ${textOf(dataIn(details)['reason'] ?? 'no reason given')}.`,
};

function said({ code, message }: Data): string {
  const parts = [code, message].filter(isText);
  return parts.length === 0 ? 'The run failed.' : parts.join(': ');
}

function failureIn(event: string, data: Data): readonly Step[] {
  const ending = Object.hasOwn(ENDINGS, event) ? ENDINGS[event] : undefined;
  return ending === undefined ? NONE : [{ type: 'error', error: ending(data) }];
}
