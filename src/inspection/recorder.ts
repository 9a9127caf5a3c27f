// The flight recorder: the last control events of a machine, with the states they led to, in a ring. It keeps
// references to what XState makes anyway, and turns them into JSON only when somebody asks.
import type { AnyActor, AnyStateMachine, EventObject, InspectionEvent, StateValue } from 'xstate';
import { InvalidOptionError } from '../errors.ts';
import type { Protocol } from '../protocols/protocol.ts';
import { redactorFor } from '../redact.ts';
import type { Envelope, Frame } from '../transports/transport.ts';
import type { Inspected, Inspector } from './inspector.ts';
import {
  fingerprintOf,
  RECORDING_FORMAT,
  RECORDING_VERSION,
  type RecordedMessage,
  type Recording,
} from './recording.ts';

export interface RecorderOptions {
  /**
   * How many control events are kept; older ones are dropped, and counted.
   *
   * @defaultValue `200`
   */
  readonly events?: number;
  /**
   * How many messages are kept, payloads included: they may hold what is nobody else's business.
   *
   * @defaultValue `0`
   */
  readonly messages?: number;
}

/** Keeps the last events of one connection, or of any XState 5 actor whose inspector it is. */
export interface Recorder extends Inspector {
  /** The protocol to use in place of this one, so that messages can be kept too: the same one when none are. */
  listenTo<Incoming, Outgoing, Welcome, Credentials>(
    protocol: Protocol<Incoming, Outgoing, Welcome, Credentials>,
  ): Protocol<Incoming, Outgoing, Welcome, Credentials>;
  /** What was kept, as plain data without secrets: `JSON.stringify` it, attach it, replay it. */
  recording(): Recording;
}

/** @throws {InvalidOptionError} for a number that is not whole, or below 1 (events) or 0 (messages) */
export function recorder({ events = 200, messages = 0 }: RecorderOptions = {}): Recorder {
  atLeast('recorder.events', events, 1);
  atLeast('recorder.messages', messages, 0);
  return new FlightRecorder(events, messages);
}

function atLeast(name: string, value: number, least: number): void {
  if (!Number.isInteger(value) || value < least)
    throw new InvalidOptionError(name, `a whole number of at least ${least}`, value);
}

/** One event. Connections are many and idle: a moment has no context of its own, but what the event replaced in it. */
interface Moment {
  readonly atMs: number;
  readonly event: EventObject;
  readonly value: StateValue;
  readonly replaced: Fields | Whole | undefined;
  next: Moment | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

/** A context that is no plain object, or has other fields than the next one. */
class Whole {
  readonly context: unknown;

  constructor(context: unknown) {
    this.context = context;
  }
}

interface Noted extends RecordedMessage {
  next: Noted | undefined;
}

/** The last `size` of what was added. A chain, because an array of four has room for seventeen. */
class Tail<Item extends { next: Item | undefined }> {
  readonly #size: number;
  #oldest: Item | undefined;
  #newest: Item | undefined;
  #kept = 0;
  dropped = 0;

  constructor(size: number) {
    this.#size = size;
  }

  /** Returns what had to go. */
  add(item: Item): Item | undefined {
    if (this.#newest === undefined) this.#oldest = item;
    else this.#newest.next = item;
    this.#newest = item;
    this.#kept += 1;
    if (this.#kept <= this.#size) return undefined;
    const gone = this.#oldest;
    this.#oldest = gone?.next;
    this.#kept -= 1;
    this.dropped += 1;
    return gone;
  }

  *[Symbol.iterator](): Generator<Item> {
    for (let item = this.#oldest; item !== undefined; item = item.next) yield item;
  }
}

function replacedBy(after: unknown, before: unknown): Moment['replaced'] {
  if (before === after) return undefined;
  if (!isPlain(before) || !isPlain(after)) return new Whole(before);
  const names = Object.keys(after);
  if (names.length !== Object.keys(before).length) return new Whole(before);
  let replaced: Record<string, unknown> | undefined;
  for (const name of names) {
    if (!(name in before)) return new Whole(before);
    if (Object.is(before[name], after[name])) continue;
    replaced ??= {};
    replaced[name] = before[name];
  }
  return replaced;
}

function undone(after: unknown, replaced: Moment['replaced']): unknown {
  if (replaced === undefined) return after;
  return replaced instanceof Whole ? replaced.context : { ...(after as Fields), ...replaced };
}

const isPlain = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;

/** A machine has few state values, and makes them anew with each snapshot: those that look alike are kept once. */
const sharedValues = new Map<string, StateValue>();
const MAX_SHARED_VALUES = 1_000;

function shared(value: StateValue): StateValue {
  if (typeof value === 'string') return value;
  const key = JSON.stringify(value);
  const known = sharedValues.get(key);
  if (known === undefined && sharedValues.size < MAX_SHARED_VALUES) sharedValues.set(key, value);
  return known ?? value;
}

const NO_VALUE: StateValue = Object.freeze({});

export class FlightRecorder implements Recorder {
  readonly #moments: Tail<Moment>;
  readonly #maxMessages: number;
  #messages: Tail<Noted> | undefined;
  #sessionId: string | undefined;
  #inspected: Inspected | undefined;
  #machine: AnyStateMachine | undefined;
  /** The state before the oldest event that is kept. */
  #startValue: StateValue = NO_VALUE;
  /** The context that the newest event led to. */
  #context: unknown;

  constructor(maxEvents: number, maxMessages: number) {
    this.#moments = new Tail(maxEvents);
    this.#maxMessages = maxMessages;
  }

  /** @throws {InvalidOptionError} for a second connection: a recording is of one */
  attach(sessionId: string, inspected: Inspected): void {
    if (this.#sessionId !== undefined)
      throw new InvalidOptionError('recorder', 'a recorder() that no other connection has', this);
    this.#sessionId = sessionId;
    this.#inspected = inspected;
  }

  next(told: InspectionEvent): void {
    if (told.type !== '@xstate.snapshot' || told.actorRef.sessionId !== told.rootId) return;
    this.#sessionId ??= told.rootId;
    if (told.rootId !== this.#sessionId) return;
    const { value, context } = told.snapshot as unknown as { value: StateValue; context: unknown };
    const before = this.#context;
    this.#context = context;
    if (told.event.type === 'xstate.init') {
      this.#machine = (told.actorRef as AnyActor).logic as AnyStateMachine;
      this.#startValue = value;
      return;
    }
    const gone = this.#moments.add({
      atMs: this.#now,
      event: told.event,
      value: shared(value),
      replaced: replacedBy(context, before),
      next: undefined,
    });
    if (gone !== undefined) this.#startValue = gone.value;
  }

  listenTo<Incoming, Outgoing, Welcome, Credentials>(
    protocol: Protocol<Incoming, Outgoing, Welcome, Credentials>,
  ): Protocol<Incoming, Outgoing, Welcome, Credentials> {
    if (this.#maxMessages === 0) return protocol;
    const messages = (this.#messages = new Tail<Noted>(this.#maxMessages));
    const note = (direction: RecordedMessage['direction'], message: unknown): void => {
      messages.add({ atMs: this.#now, direction, message, next: undefined });
    };
    return Object.assign(Object.create(protocol) as typeof protocol, {
      encode: (message: Outgoing) => {
        note('out', message);
        return protocol.encode(message);
      },
      decode: (frame: Frame, envelope?: Envelope) => {
        const message = protocol.decode(frame, envelope);
        note('in', message);
        return message;
      },
    });
  }

  recording(): Recording {
    const machine = this.#machine;
    const moments = [...this.#moments];
    const redactor = redactorFor(this.#inspected ?? {});
    return {
      format: RECORDING_FORMAT,
      version: RECORDING_VERSION,
      name: redactor.text(this.#inspected?.name ?? machine?.id ?? ''),
      machine: {
        id: machine?.id ?? '',
        fingerprint: machine === undefined ? '' : fingerprintOf(machine.config),
      },
      recordedAt: new Date().toISOString(),
      recordedAtMs: this.#now,
      // Values are names of states, whatever they are called, and no data.
      start: {
        value: structuredClone(this.#startValue),
        context: redactor.data(this.#startContext(moments)),
      },
      droppedEvents: this.#moments.dropped,
      events: moments.map(({ atMs, event, value }) => ({
        atMs,
        event: redactor.data(event),
        value: structuredClone(value),
      })),
      ...(this.#messages && {
        messages: [...this.#messages].map(({ atMs, direction, message }) => ({
          atMs,
          direction,
          message: redactor.data(message),
        })),
      }),
    };
  }

  #startContext(moments: readonly Moment[]): unknown {
    return moments.reduceRight((context, { replaced }) => undone(context, replaced), this.#context);
  }

  get #now(): number {
    return this.#inspected?.now ?? performance.now();
  }
}
