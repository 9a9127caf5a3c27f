// Everything that belongs to one connection, and where its parts meet: what is read goes out to the listeners and
// consumers, what fails is reported. One object with methods instead of closures: an idle connection stays small.
import type { InspectionEvent } from 'xstate';
import * as platform from '#platform';
import { Emitter } from './emitter.ts';
import { blame, ConnectionError, type DeliveryError } from './errors.ts';
import type { ConnectionEvents } from './events.ts';
import type { Inspected } from './inspection/inspector.ts';
import { recorder, type Recorder } from './inspection/recorder.ts';
import type { MessageStream, StreamSource } from './message-stream.ts';
import type { ConnectionOptions } from './options.ts';
import { Outbox, type OutboxEvents } from './outbox.ts';
import type { Surroundings, WebSocketOptions } from './platform/platform.ts';
import type { Protocol } from './protocols/protocol.ts';
import { json } from './protocols/text.ts';
import { isProvider } from './providers.ts';
import { redactorFor } from './redact.ts';
import { resolveSettings, type Settings } from './settings.ts';
import type { ConnectionStats } from './statistics.ts';
import type { Frame, Transport } from './transports/transport.ts';
import { Waiters } from './waiters.ts';
import { Wire, type Inbox } from './wire.ts';

/** The codes of what is reported and changes no state. */
export type ReportCode = 'LISTENER_FAILED' | 'PROTOCOL_FAILED' | 'RETRY_POLICY_FAILED';

/** What an actor holds for as long as it runs. */
export interface Held {
  dispose(): void;
}

const NONE: readonly never[] = [];

let sharedTransport: Transport | undefined;

/** One transport serves all connections that have no wishes of their own. */
function transportOf(options: WebSocketOptions | undefined): Transport {
  if (options !== undefined) return platform.defaultTransport(options);
  sharedTransport ??= platform.defaultTransport({});
  return sharedTransport;
}

export class World<Incoming, Outgoing, Welcome, Credentials>
  implements Inbox<Incoming>, OutboxEvents<Outgoing>, StreamSource, Inspected
{
  readonly options: ConnectionOptions<Incoming, Outgoing, Welcome, Credentials>;
  readonly settings: Settings;
  readonly protocol: Protocol<Incoming, Outgoing, Welcome, Credentials>;
  readonly transport: Transport;
  readonly recorder: Recorder | undefined;
  readonly surroundings: Surroundings;
  readonly emitter: Emitter<ConnectionEvents<Incoming, Outgoing, Welcome>>;
  readonly outbox: Outbox<Incoming, Outgoing>;
  readonly wire: Wire<Incoming, Welcome>;
  readonly waiters = new Waiters<Welcome>();
  /** The consumers of `messages()`. Replaced, never changed, so that a dispatch sees one list. */
  streams: readonly MessageStream<Incoming>[] = NONE;
  /** What came since the connection opened, until the turn of the event loop is over. */
  #fresh: Incoming[] | undefined;
  /** What the running actors hold, in case the machine itself breaks. Replaced, never changed. */
  #held: readonly Held[] = NONE;

  /** @throws {InvalidOptionError} for an option that cannot be meant */
  constructor(options: ConnectionOptions<Incoming, Outgoing, Welcome, Credentials>) {
    this.settings = resolveSettings(options);
    // A frozen spread would have a hidden class of its own for each connection: 240 bytes more.
    this.options = Object.freeze(Object.assign({}, options));
    this.recorder = options.recorder === false ? undefined : (options.recorder ?? recorder());
    const protocol =
      options.protocol ?? (json() as unknown as Protocol<Incoming, Outgoing, Welcome, Credentials>);
    this.protocol = this.recorder?.listenTo(protocol) ?? protocol;
    this.transport = options.transport ?? transportOf(options.webSocket);
    this.surroundings = options.surroundings ?? platform.surroundings;
    this.emitter = new Emitter(this);
    this.outbox = new Outbox(this.settings.outbox, this.protocol, this.settings.clock, this);
    this.wire = new Wire(this.settings.clock, this);
  }

  get name(): string {
    const { name, url } = this.options;
    return name ?? (isProvider(url) ? 'connection' : redactorFor(this).url(String(url)));
  }

  get stats(): ConnectionStats {
    return { ...this.wire.stats, ...this.outbox.stats };
  }

  get now(): number {
    return this.settings.clock.now();
  }

  message(message: Incoming): void {
    if (this.protocol.acknowledgements !== undefined)
      this.asking('PROTOCOL_FAILED', 'protocol', () => this.outbox.noticeAcknowledgement(message));
    this.#fresh?.push(message);
    for (const stream of this.streams) stream.push(message);
    this.emitter.emit('message', message);
  }

  /** Whoever awaits `connect()` runs after the messages that came in one packet with the end of the handshake. */
  keepFresh(): void {
    this.#fresh = [];
    platform.afterTurn(() => (this.#fresh = undefined));
  }

  /** Begins an iterator, with the messages that its user could not have asked for before. */
  addStream(stream: MessageStream<Incoming>): void {
    if (stream.hasEnded) return;
    this.streams = [...this.streams, stream];
    for (const message of this.#fresh ?? NONE) stream.push(message);
  }

  invalid(frame: Frame, thrown: unknown): void {
    const error = new ConnectionError('INVALID_MESSAGE', blame(thrown, redactorFor(this)));
    this.settings.logger?.warn(error.message, { error });
    this.emitter.emit('invalidMessage', { frame, error });
  }

  dropped(message: Outgoing, error: DeliveryError): void {
    this.emitter.emit('dropped', { message, error });
  }

  drained(): void {
    this.emitter.emit('drain');
  }

  get canPause(): boolean {
    return this.wire.link?.pause !== undefined;
  }

  slowDown(consumer: object): void {
    this.wire.slowDown(consumer);
  }

  speedUp(consumer: object): void {
    this.wire.speedUp(consumer);
  }

  release(ended: object): void {
    this.streams = this.streams.filter((stream) => stream !== ended);
  }

  /** Keeps what an actor that has started holds. */
  hold(held: Held): void {
    this.#held = this.#held.concat(held);
  }

  /** Disposes of it once, whoever comes first: the actor that stops, or the machine that breaks. */
  letGo(held: Held): void {
    if (!this.#held.includes(held)) return;
    this.#held = this.#held.filter((other) => other !== held);
    held.dispose();
  }

  letGoOfAll(): void {
    for (const held of this.#held) this.letGo(held);
  }

  /** Whatever XState tells of the machine, for the recorder. */
  next(event: InspectionEvent): void {
    this.asking('LISTENER_FAILED', 'inspect', () => this.recorder?.next(event));
  }

  /** To the listeners of `error`, else to the logger, else to the platform: reported once, and never thrown. */
  get report(): (code: ReportCode, event: string, thrown: unknown) => void {
    return (code, event, thrown) => {
      const error = new ConnectionError(code, blame(thrown, redactorFor(this), { event }));
      if (event !== 'error' && this.emitter.has('error')) this.emitter.emit('error', error);
      else if (this.settings.logger !== undefined) this.settings.logger.error(error.message, { error });
      else platform.reportUncaught(error);
    };
  }

  listenerFailed(event: string, thrown: unknown): void {
    this.report('LISTENER_FAILED', event, thrown);
  }

  /** Asks code of the user's, which may fail to answer: then that is reported. */
  asking<Answer>(code: ReportCode, event: string, ask: () => Answer): Answer | undefined {
    try {
      return ask();
    } catch (thrown) {
      this.report(code, event, thrown);
      return undefined;
    }
  }
}
