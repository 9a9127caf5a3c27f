// The flight recorder: the last control events of a machine, with the states they led to, in a ring. It keeps
// references to what XState makes anyway, and turns them into JSON only when somebody asks.
import type { AnyActor, AnyStateMachine, EventObject, InspectionEvent, StateValue } from 'xstate';
import { InvalidOptionError } from '../errors.ts';
import type { Protocol } from '../protocols/protocol.ts';
import { redactData } from '../redact.ts';
import type { Frame } from '../transports/transport.ts';
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

interface Moment {
  readonly atMs: number;
  readonly event: EventObject;
  readonly value: StateValue;
  readonly context: unknown;
}

/** The last `size` of what was added. */
class Ring<Item> {
  readonly #size: number;
  readonly #items: Item[] = [];
  #added = 0;

  constructor(size: number) {
    this.#size = size;
  }

  /** Returns what had to go. */
  add(item: Item): Item | undefined {
    const at = this.#added % this.#size;
    const gone = this.#items[at];
    this.#items[at] = item;
    this.#added += 1;
    return gone;
  }

  get dropped(): number {
    return this.#added - this.#items.length;
  }

  get items(): Item[] {
    const oldest = this.dropped === 0 ? 0 : this.#added % this.#size;
    return [...this.#items.slice(oldest), ...this.#items.slice(0, oldest)];
  }
}

export class FlightRecorder implements Recorder {
  readonly #moments: Ring<Moment>;
  readonly #maxMessages: number;
  #messages: Ring<RecordedMessage> | undefined;
  #sessionId: string | undefined;
  #inspected: Inspected | undefined;
  #machine: AnyStateMachine | undefined;
  /** The state before the oldest event that is kept. */
  #start: Pick<Moment, 'value' | 'context'> = { value: {}, context: undefined };

  constructor(maxEvents: number, maxMessages: number) {
    this.#moments = new Ring(maxEvents);
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
    const { value, context } = told.snapshot as unknown as Pick<Moment, 'value' | 'context'>;
    if (told.event.type === 'xstate.init') {
      this.#machine = (told.actorRef as AnyActor).logic as AnyStateMachine;
      this.#start = { value, context };
      return;
    }
    const gone = this.#moments.add({ atMs: this.#now, event: told.event, value, context });
    if (gone !== undefined) this.#start = gone;
  }

  listenTo<Incoming, Outgoing, Welcome, Credentials>(
    protocol: Protocol<Incoming, Outgoing, Welcome, Credentials>,
  ): Protocol<Incoming, Outgoing, Welcome, Credentials> {
    if (this.#maxMessages === 0) return protocol;
    const messages = (this.#messages = new Ring<RecordedMessage>(this.#maxMessages));
    const note = (direction: RecordedMessage['direction'], message: unknown): void => {
      messages.add({ atMs: this.#now, direction, message });
    };
    return Object.assign(Object.create(protocol) as typeof protocol, {
      encode: (message: Outgoing) => {
        note('out', message);
        return protocol.encode(message);
      },
      decode: (frame: Frame) => {
        const message = protocol.decode(frame);
        note('in', message);
        return message;
      },
    });
  }

  recording(): Recording {
    const machine = this.#machine;
    const { value, context } = this.#start;
    return redactData({
      format: RECORDING_FORMAT,
      version: RECORDING_VERSION,
      name: this.#inspected?.name ?? machine?.id ?? '',
      machine: {
        id: machine?.id ?? '',
        fingerprint: machine === undefined ? '' : fingerprintOf(machine.config),
      },
      recordedAt: new Date().toISOString(),
      recordedAtMs: this.#now,
      start: { value, context },
      droppedEvents: this.#moments.dropped,
      events: this.#moments.items.map(({ atMs, event, value }) => ({ atMs, event, value })),
      ...(this.#messages && { messages: this.#messages.items }),
    });
  }

  get #now(): number {
    return this.#inspected?.now ?? performance.now();
  }
}
