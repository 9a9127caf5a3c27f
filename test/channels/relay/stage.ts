// A relay without a network: what the assistant says is said by the test, what is published is kept, and time stands still.
import {
  AssistantRelay,
  type AnswerRequest,
  type AssistantEvent,
  type AssistantPayload,
  type AssistantStep,
  type Conversation,
  type FrameOptions,
  type RelayOptions,
} from '../../../src/channels/index.ts';
import { deferred, type Deferred } from '../../../src/deferred.ts';
import type { Logger } from '../../../src/options.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';
import { turn } from '../../../src/testing/wait.ts';

export type Said = AssistantEvent | AssistantStep;

/** When the virtual clock stood at 0, in milliseconds since 1970. */
export const BEGAN_AT_MS = 1_683_042_123_456;

/** A stream that says what it is told to say. */
export class Script implements AsyncIterable<Said>, AsyncIterator<Said> {
  readonly #ready: (() => IteratorResult<Said, undefined>)[] = [];
  readonly #waiting: Deferred<IteratorResult<Said, undefined>>[] = [];
  /** How often it was told to end. */
  returned = 0;

  say(...items: readonly Said[]): this {
    for (const value of items) this.#give(() => ({ done: false, value }));
    return this;
  }

  end(): this {
    this.#give(() => ({ done: true, value: undefined }));
    return this;
  }

  fail(thrown: unknown): this {
    this.#give(() => {
      throw thrown;
    });
    return this;
  }

  async next(): Promise<IteratorResult<Said, undefined>> {
    const ready = this.#ready.shift();
    if (ready !== undefined) return ready();
    const waiting = deferred<IteratorResult<Said, undefined>>();
    this.#waiting.push(waiting);
    return waiting.promise;
  }

  async return(): Promise<IteratorResult<Said, undefined>> {
    this.returned += 1;
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #give(make: () => IteratorResult<Said, undefined>): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) {
      this.#ready.push(make);
      return;
    }
    try {
      waiting.resolve(make());
    } catch (thrown) {
      waiting.reject(thrown);
    }
  }
}

export interface Published {
  readonly channel: string;
  readonly payload: AssistantPayload;
  readonly options: FrameOptions;
}

export class Stage {
  readonly clock = new VirtualClock();
  readonly published: Published[] = [];
  readonly logged: string[] = [];
  readonly relay: AssistantRelay;
  /** What becomes of a frame. Default: it is published at once. */
  fate: (payload: AssistantPayload) => unknown = () => undefined;

  constructor(options: RelayOptions = {}) {
    const { clock, published, logged } = this;
    const log = (message: string): void => void logged.push(message);
    const logger: Logger = { debug: log, info: log, warn: log, error: log };
    this.relay = new AssistantRelay(
      {
        publish: (channel, payload, frameOptions) => {
          published.push({ channel, payload, options: frameOptions });
          return this.fate(payload);
        },
      },
      { clock, logger, now: () => BEGAN_AT_MS + clock.now(), ...options },
    );
  }

  answer(run: AnswerRequest['run'], more: Partial<AnswerRequest> = {}): Conversation {
    return this.relay.answer({
      channel: 'user_session_abc123',
      messageId: 'unique-message-id',
      run,
      ...more,
    });
  }

  /** Lets what is ready happen, then time pass. */
  async pass(ms = 0): Promise<void> {
    await turn();
    this.clock.advance(ms);
    await turn();
  }

  get payloads(): readonly AssistantPayload[] {
    return this.published.map(({ payload }) => payload);
  }

  /** The frames in short: status and text. */
  get story(): readonly string[] {
    return this.payloads.map(({ status, message }) => `${status}: ${message}`);
  }

  get statuses(): readonly string[] {
    return this.payloads.map(({ status }) => status);
  }
}

export const text = (delta: string): AssistantStep => ({ type: 'text', delta });
export const tool = (id: string, name: string, args: string | object = '{}'): AssistantStep => ({
  type: 'tool',
  id,
  name,
  arguments: args as string,
});

/** The seed's events. */
export const run = {
  created: { event: 'thread.run.created', data: { id: 'run_1', thread_id: 'thread_abc123' } },
  delta: (value: string, id = 'msg_1'): AssistantEvent => ({
    event: 'thread.message.delta',
    data: { id, delta: { content: [{ index: 0, type: 'text', text: { value } }] } },
  }),
  messageCompleted: (value: string, id = 'msg_1'): AssistantEvent => ({
    event: 'thread.message.completed',
    data: { id, content: [{ type: 'text', text: { value } }] },
  }),
  completed: { event: 'thread.run.completed', data: { id: 'run_1', thread_id: 'thread_abc123' } },
  requires: (...calls: readonly (readonly [id: string, name: string, args: string])[]): AssistantEvent => ({
    event: 'thread.run.requires_action',
    data: {
      id: 'run_1',
      thread_id: 'thread_abc123',
      required_action: {
        type: 'submit_tool_outputs',
        submit_tool_outputs: {
          tool_calls: calls.map(([id, name, args]) => ({
            id,
            type: 'function',
            function: { name, arguments: args },
          })),
        },
      },
    },
  }),
  ended: (how: string, data: object = {}): AssistantEvent => ({ event: `thread.run.${how}`, data }),
} as const;
