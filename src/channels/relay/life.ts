// The inside of an answer: where its machine meets the world. Text passes the machine by.
import { createActor, fromCallback, type ActorRefFrom, type EventObject } from 'xstate';
import {
  relayMachine,
  selectRelayState,
  type RelayEvent,
  type RelayFact,
  type RelayState,
} from '../../../machines/index.ts';
import { deferred } from '../../deferred.ts';
import { ConnectionError, makeFailure, textOf, toError } from '../../errors.ts';
import type { GuardedInspector } from '../../inspection/guard.ts';
import { Translator, type AssistantEvent, type AssistantStep, type Step, type ToolCall } from './events.ts';
import { friendlyMessage } from './friendly.ts';
import type { RelaySettings, RunSource } from './options.ts';
import type { Fate } from './outlet.ts';
import type { Teller } from './teller.ts';
import { describeCall, runTools } from './tools.ts';

export type RelayActor = ActorRefFrom<typeof relayMachine>;

/** How an answer ended. */
export type RelayOutcome = {
  /** All of it, as far as it came. */
  readonly text: string;
  /** Frames that could not be published; they were logged. */
  readonly lostFrames: number;
} & (
  | { readonly outcome: 'completed' }
  /** The reader was told `message`, with the text of the error as its details. */
  | { readonly outcome: 'failed'; readonly error: ConnectionError; readonly message: string }
);

export interface LifeWorld {
  readonly settings: RelaySettings;
  readonly inspector: GuardedInspector | undefined;
  ended(): void;
}

const lives = new WeakMap<object, ConversationLife>();

/** Work that lives as long as its state, and says how it ended. */
const perform = (work: (life: ConversationLife, signal: AbortSignal) => Promise<RelayFact>) =>
  fromCallback<EventObject>(({ system, sendBack }) => {
    const life = lives.get(system);
    if (life === undefined) return undefined;
    const over = new AbortController();
    void work(life, over.signal).then((fact) => {
      if (!over.signal.aborted) sendBack(fact);
    });
    return () => over.abort();
  });

/** One machine serves all answers; to provide it anew would cost each of them as much as all else. */
const machine = relayMachine.provide({
  actors: {
    reader: perform((life, signal) => life.read(signal)),
    watchdog: fromCallback<EventObject>(({ system, sendBack }) =>
      lives.get(system)?.watch(() => sendBack({ type: 'run.silent' })),
    ),
    tools: perform((life, signal) => life.execute(signal)),
    completion: perform((life) => life.complete()),
    apology: perform((life) => life.apologize()),
  },
});

const failureOf = (thrown: unknown) =>
  makeFailure('ASSISTANT_FAILED', 'stop', { details: { cause: textOf(thrown) }, cause: thrown });

export class ConversationLife {
  readonly actor: RelayActor;
  readonly teller: Teller;
  readonly #world: LifeWorld;
  readonly #translator = new Translator();
  readonly #calls = new Map<string, ToolCall>();
  readonly #finished = deferred<RelayOutcome>();
  #source: RunSource;
  #runId: string | undefined;
  #lastEventAtMs = 0;

  constructor(source: RunSource, teller: Teller, world: LifeWorld) {
    const { inspector, settings } = world;
    const { clock, timeouts } = settings;
    this.#source = source;
    this.teller = teller;
    this.#world = world;
    this.actor = createActor(machine, {
      input: { limits: timeouts },
      clock,
      ...(inspector !== undefined && { inspect: inspector.next }),
    });
    lives.set(this.actor.system, this);
    this.actor.subscribe({ complete: () => this.#end(), error: (thrown) => this.#crash(thrown) });
  }

  start(): void {
    this.teller.start();
    this.actor.start();
  }

  get state(): RelayState {
    return selectRelayState(this.actor.getSnapshot());
  }

  get finished(): Promise<RelayOutcome> {
    return this.#finished.promise;
  }

  cancel(reason: unknown): void {
    const details = { cause: textOf(reason) };
    this.#tell({
      type: 'cancel',
      failure: makeFailure('ANSWER_CANCELLED', 'stop', { details, cause: reason }),
    });
  }

  /** Reads a stream to its end. Never rejects. */
  async read(signal: AbortSignal): Promise<RelayFact> {
    this.#lastEventAtMs = this.#world.settings.clock.now();
    try {
      const source = this.#source;
      const run = typeof source === 'function' ? await source({ signal }) : source;
      for await (const item of untilAborted(run, signal)) {
        if (signal.aborted) break;
        const fact = this.#hear(item);
        if (fact !== undefined) return fact;
      }
      return this.#take(this.#translator.end()) ?? { type: 'run.ended' };
    } catch (thrown) {
      return { type: 'run.failed', failure: failureOf(thrown) };
    }
  }

  /** Calls when no event has come for too long. Returns what ends the watch. */
  watch(onSilent: () => void): () => void {
    const { clock, timeouts } = this.#world.settings;
    if (timeouts.silenceMs === Infinity) return () => undefined;
    let timer: unknown;
    const look = (): void => {
      const leftMs = this.#lastEventAtMs + timeouts.silenceMs - clock.now();
      if (leftMs <= 0) onSilent();
      else timer = clock.setTimeout(look, leftMs);
    };
    look();
    return () => clock.clearTimeout(timer);
  }

  /** Runs the tools that were called, and has the answer go on with what follows them. Never rejects. */
  async execute(signal: AbortSignal): Promise<RelayFact> {
    const { settings } = this.#world;
    const { messageId, threadId } = this.teller;
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    const outputs = await runTools(calls, settings, { messageId, threadId, signal });
    const runId = this.#runId;
    this.#source = (context) => {
      if (settings.submitToolOutputs === undefined)
        throw new Error('Tool execution needs the option submitToolOutputs, which was not given.');
      return settings.submitToolOutputs({ outputs, messageId, threadId, runId, signal: context.signal });
    };
    return { type: 'tools.done' };
  }

  async complete(): Promise<RelayFact> {
    return settled(await this.teller.complete());
  }

  async apologize(): Promise<RelayFact> {
    const { error, message } = this.#failure;
    this.#world.settings.logger?.error(error.message, { messageId: this.teller.messageId, error });
    return settled(await this.teller.fail(message, detailsOf(error)));
  }

  #hear(item: AssistantEvent | AssistantStep): RelayFact | undefined {
    this.#lastEventAtMs = this.#world.settings.clock.now();
    if (this.state === 'waiting') this.#tell({ type: 'run.answered' });
    for (const step of this.#translator.read(item)) {
      const fact = this.#take(step);
      if (fact !== undefined) return fact;
    }
    return undefined;
  }

  /** Returns what ends the stream. */
  #take(step: Step): RelayFact | undefined {
    switch (step.type) {
      case 'thread':
        this.teller.threadId = step.threadId;
        this.#runId = step.runId ?? this.#runId;
        return undefined;
      case 'text':
        this.teller.add(step.delta);
        return undefined;
      case 'tool':
        if (!this.#calls.has(step.id)) this.teller.tool(describeCall(step, this.#world.settings));
        this.#calls.set(step.id, step);
        return undefined;
      case 'tool-result':
        this.#calls.delete(step.id);
        return undefined;
      case 'error':
        return { type: 'run.failed', failure: failureOf(step.error) };
      case 'due':
      case 'done':
        return { type: this.#calls.size > 0 ? 'run.calledTools' : 'run.ended' };
      default:
        return undefined;
    }
  }

  get #failure(): { readonly error: ConnectionError; readonly message: string } {
    const { failure } = this.actor.getSnapshot().context;
    const error = toError(failure ?? makeFailure('INTERNAL_ERROR', 'stop'));
    return { error, message: friendlyMessage(detailsOf(error), this.#world.settings.friendlyMessages) };
  }

  #tell(event: RelayEvent): void {
    if (this.actor.getSnapshot().status === 'active') this.actor.send(event);
  }

  #end(): void {
    const { text, lostFrames } = this.teller;
    this.#world.ended();
    if (this.state === 'completed') this.#finished.resolve({ outcome: 'completed', text, lostFrames });
    else this.#finished.resolve({ outcome: 'failed', text, lostFrames, ...this.#failure });
  }

  /** Whoever waits for an end gets one. */
  #crash(thrown: unknown): void {
    const details = { phase: 'relaying an answer', cause: textOf(thrown) };
    const error = new ConnectionError('INTERNAL_ERROR', { details, cause: thrown });
    const { text, lostFrames } = this.teller;
    const message = friendlyMessage(detailsOf(error), this.#world.settings.friendlyMessages);
    this.#world.settings.logger?.error(error.message, { messageId: this.teller.messageId, error });
    void this.teller.fail(message, detailsOf(error));
    this.#world.ended();
    this.#finished.resolve({ outcome: 'failed', text, lostFrames, error, message });
  }
}

/** In the words of whoever failed; our own words around them would only hide them from the table of friendly ones. */
const detailsOf = ({ code, details, message }: ConnectionError): string =>
  code === 'ASSISTANT_FAILED' ? String(details['cause']) : message;

/** Only a server that said no may be asked for something else: after a timeout, the frame may have arrived. */
function settled(fate: Fate): RelayFact {
  if (fate.isPublished) return { type: 'end.settled' };
  const { thrown } = fate;
  const isRefused = (thrown as Partial<ConnectionError> | undefined)?.code === 'PUBLISH_REFUSED';
  return isRefused ? { type: 'end.refused', failure: failureOf(thrown) } : { type: 'end.settled' };
}

/** The same items; when the signal is aborted, the source is told to end, and none come any more. */
async function* untilAborted<Item>(run: AsyncIterable<Item>, signal: AbortSignal): AsyncGenerator<Item> {
  const iterator = run[Symbol.asyncIterator]();
  const stop = (): void => {
    // Whoever does not listen any more does not want to hear how it went.
    Promise.resolve(iterator.return?.()).catch(() => undefined);
  };
  signal.addEventListener('abort', stop, { once: true });
  let result: IteratorResult<Item, unknown> | undefined;
  try {
    while (!signal.aborted) {
      result = await iterator.next();
      if (result.done === true) return;
      yield result.value;
    }
  } finally {
    signal.removeEventListener('abort', stop);
    if (result?.done !== true && !signal.aborted) stop();
  }
}
