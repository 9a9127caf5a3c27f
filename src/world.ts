// Everything that belongs to one connection, and where its parts meet: what is read goes out to the listeners and
// consumers, what fails is reported. One object with methods instead of closures: an idle connection stays small.
import * as platform from '#platform';
import { Emitter } from './emitter.ts';
import { ConnectionError, textOf, type DeliveryError } from './errors.ts';
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
import { redactUrl } from './redact.ts';
import { resolveSettings, type Settings } from './settings.ts';
import type { ConnectionStats } from './statistics.ts';
import type { Frame, Transport } from './transports/transport.ts';
import { Waiters } from './waiters.ts';
import { Wire, type Inbox } from './wire.ts';

/** The codes of what is reported and changes no state. */
export type ReportCode = 'LISTENER_FAILED' | 'PROTOCOL_FAILED' | 'RETRY_POLICY_FAILED';

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
  streams: readonly MessageStream<Incoming>[] = [];
  /** What the running actors hold, to be released if the machine itself breaks. */
  readonly held: (() => void)[] = [];

  /** @throws {InvalidOptionError} for an option that cannot be meant */
  constructor(options: ConnectionOptions<Incoming, Outgoing, Welcome, Credentials>) {
    this.settings = resolveSettings(options);
    this.options = Object.freeze({ ...options });
    this.recorder = options.recorder === false ? undefined : (options.recorder ?? recorder());
    const protocol =
      options.protocol ?? (json as unknown as Protocol<Incoming, Outgoing, Welcome, Credentials>);
    this.protocol = this.recorder?.listenTo(protocol) ?? protocol;
    this.transport = options.transport ?? transportOf(options.webSocket);
    this.surroundings = options.surroundings ?? platform.surroundings;
    this.emitter = new Emitter((event, thrown) => this.report('LISTENER_FAILED', event, thrown));
    this.outbox = new Outbox(this.settings.outbox, this.protocol, this.settings.clock, this);
    this.wire = new Wire(this.settings.clock, this);
  }

  get name(): string {
    const { name, url } = this.options;
    return name ?? (isProvider(url) ? 'connection' : redactUrl(String(url)));
  }

  get stats(): ConnectionStats {
    return { ...this.wire.stats, ...this.outbox.stats };
  }

  get now(): number {
    return this.settings.clock.now();
  }

  message(message: Incoming): void {
    if (this.protocol.acknowledgements !== undefined) this.#noticeAcknowledgement(message);
    for (const stream of this.streams) stream.push(message);
    this.emitter.emit('message', message);
  }

  invalid(frame: Frame, thrown: unknown): void {
    const error = new ConnectionError('INVALID_MESSAGE', {
      details: { cause: textOf(thrown) },
      cause: thrown,
    });
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

  /** To the listeners of `error`, else to the logger, else to the platform: reported once, and never thrown. */
  readonly report = (code: ReportCode, event: string, thrown: unknown): void => {
    const error = new ConnectionError(code, { details: { event, cause: textOf(thrown) }, cause: thrown });
    if (event !== 'error' && this.emitter.has('error')) this.emitter.emit('error', error);
    else if (this.settings.logger !== undefined) this.settings.logger.error(error.message, { error });
    else platform.reportUncaught(error);
  };

  #noticeAcknowledgement(message: Incoming): void {
    try {
      this.outbox.noticeAcknowledgement(message);
    } catch (thrown) {
      this.report('PROTOCOL_FAILED', 'protocol', thrown);
    }
  }
}
