// The socket reader: one attempt, from resolving the URL to the last byte. Control goes to the machine as facts,
// messages go straight to the inbox. It lives exactly as long as the state `online`.
import type { CallbackLogicFunction, EventObject } from 'xstate';
import type { Failure, Phase, SocketEvent, SocketInput } from '../../machines/index.ts';
import { makeFailure, textOf } from '../errors.ts';
import { failureOfAttempt, failureOfSession } from '../failures.ts';
import type { Handshake, HandshakeStep, Rejection } from '../protocols/protocol.ts';
import { canRefresh, ProviderError, resolveAttempt } from '../providers.ts';
import { redactUrl } from '../redact.ts';
import type { Frame, Link, LinkEnd, LinkEvents, Target } from '../transports/transport.ts';
import type { World } from '../world.ts';

type Tell = (event: SocketEvent) => void;

export const socketActor =
  <Incoming, Outgoing, Welcome, Credentials>(
    world: World<Incoming, Outgoing, Welcome, Credentials>,
  ): CallbackLogicFunction<EventObject, SocketEvent, SocketInput> =>
  ({ input, sendBack }) => {
    const attempt = new Attempt(world, input, sendBack);
    attempt.run();
    return () => attempt.dispose();
  };

const NOTHING: readonly never[] = [];
/** Where no function of the user's is asked, nobody holds the signal: an idle connection stays small. */
const NEVER_ABORTED = new AbortController().signal;

class Attempt<Incoming, Outgoing, Welcome, Credentials> implements LinkEvents {
  readonly #world: World<Incoming, Outgoing, Welcome, Credentials>;
  readonly #input: SocketInput;
  readonly #tell: Tell;
  /** `abandoned`: nothing more is said or heard, but the end of the link is still awaited. `over`: not even that. */
  #stage: 'running' | 'abandoned' | 'over' = 'running';
  #abort: AbortController | undefined;
  #link: Link | undefined;
  /** Needed until the socket is open. */
  #credentials: Credentials | undefined;

  /** What a frame is taken for: it changes when the handshake is through. */
  #read: (frame: Frame) => void = () => undefined;
  #endsAs: (end: LinkEnd) => Failure = failureOfAttempt;
  /** Messages that came before the machine had heard that the session is open. */
  #early: readonly Incoming[] = NOTHING;

  constructor(world: World<Incoming, Outgoing, Welcome, Credentials>, input: SocketInput, tell: Tell) {
    this.#world = world;
    this.#input = input;
    this.#tell = tell;
  }

  run(): void {
    const { attempt, session } = this.#input;
    this.#world.wire.begin(attempt === 0 && session === 1);
    this.#open().catch((thrown: unknown) => this.#fail(failureOfThrown(thrown)));
  }

  dispose(): void {
    this.#stage = 'over';
    this.#abort?.abort();
    // At once: a listener or a policy that sends now must not be handed the link that is gone.
    this.#world.outbox.detach();
    this.#world.wire.release();
  }

  async #open(): Promise<void> {
    const { options, protocol, settings } = this.#world;
    const { attempt, reason } = this.#input;
    const signal = canRefresh(options) ? this.#signal : NEVER_ABORTED;
    const limit = { clock: settings.clock, limitMs: settings.timeouts.providerMs };
    const { target, credentials } = await resolveAttempt(
      options,
      protocol.subprotocols ?? [],
      { attempt, reason, signal },
      limit,
    );
    if (this.#stage !== 'running') return;
    this.#credentials = credentials;
    this.#dial(target);
  }

  #dial(target: Target): void {
    const { settings, transport, wire } = this.#world;
    settings.logger?.info('Connecting', { url: redactUrl(target.url), attempt: this.#input.attempt });
    this.#link = transport.open(target, this, settings.clock);
    wire.link = this.#link;
  }

  opened({ timings }: Parameters<LinkEvents['opened']>[0]): void {
    this.#world.wire.connectTimings = timings;
    this.#greet(this.#credentials as Credentials);
    this.#credentials = undefined;
  }

  received(frame: Frame): void {
    const { settings, wire } = this.#world;
    wire.lastReceivedAt = settings.clock.now();
    wire.watcher?.sign();
    this.#read(frame);
  }

  ponged(): void {
    const { settings, wire } = this.#world;
    wire.lastReceivedAt = settings.clock.now();
    wire.watcher?.pong();
  }

  ended(end: LinkEnd): void {
    const { outbox, report, wire } = this.#world;
    outbox.detach();
    wire.ended(end);
    let classified: Failure | undefined;
    let broken: { readonly thrown: unknown } | undefined;
    try {
      classified = this.#endsAs(end);
    } catch (thrown) {
      broken = { thrown };
    }
    this.#fail(classified ?? failureOfSession(end, 'open', {}));
    // Told last: a listener may act on it, and must find the machine where the end has taken it.
    if (broken !== undefined) report('PROTOCOL_FAILED', 'protocol', broken.thrown);
  }

  get #signal(): AbortSignal {
    this.#abort ??= new AbortController();
    return this.#abort.signal;
  }

  /** The first frames may come in the same packet as the end of the upgrade: the handshake is ready before it is told. */
  #greet(credentials: Credentials): void {
    const { protocol, settings, wire } = this.#world;
    this.#endsAs = (end) => failureOfSession(end, 'authenticating', protocol);
    wire.handshake = { abandon: () => this.#abandon() };
    let handshake: Handshake<Incoming, Welcome> | undefined;
    try {
      handshake = protocol.handshake?.(credentials);
    } catch (thrown) {
      this.#tell({ type: 'socket.opened' });
      this.#refuse(failureOfHandshake(thrown));
      return;
    }
    if (handshake !== undefined) this.#read = (frame) => this.#hear(handshake, frame);
    this.#tell({ type: 'socket.opened' });
    if (handshake === undefined) {
      this.#accept({ status: 'accepted', welcome: undefined as Welcome });
      return;
    }
    settings.logger?.debug('Sending handshake', { protocol: protocol.name });
    this.#sendAll(handshake.opening);
  }

  #hear(handshake: Handshake<Incoming, Welcome>, frame: Frame): void {
    let step: HandshakeStep<Incoming, Welcome>;
    try {
      step = handshake.receive(frame);
      // Read within the guard: a protocol written in JavaScript may have answered nothing.
      if (step.status === 'rejected') this.#refuse(failureOfRejection(step, 'authenticating'));
    } catch (thrown) {
      this.#refuse(failureOfHandshake(thrown));
      return;
    }
    if (step.status === 'accepted') this.#accept(step);
    else if (step.status === 'pending') this.#sendAll(step.send ?? []);
  }

  #accept({
    welcome,
    send = [],
    messages = [],
  }: Extract<HandshakeStep<Incoming, Welcome>, { status: 'accepted' }>): void {
    const { options, protocol } = this.#world;
    const isReconnect = this.#input.session > 1;
    this.#early = messages;
    this.#read = (frame) => this.#decode(frame, this.#keep);
    this.#sendAll(send);
    try {
      this.#sendAll(protocol.resume?.(welcome, { isReconnect }) ?? []);
    } catch (thrown) {
      this.#refuse(failureOfResume(thrown));
      return;
    }
    if (options.resume === undefined) {
      this.#ready(welcome, isReconnect);
      return;
    }
    const session = {
      welcome,
      isReconnect,
      signal: this.#signal,
      send: (message: Outgoing) => this.#sendAll([protocol.encode(message)]),
    };
    this.#resume(options.resume, session)
      .then(() => this.#ready(welcome, isReconnect))
      .catch((thrown: unknown) => this.#refuse(failureOfResume(thrown)));
  }

  async #resume<Session>(
    resume: (session: Session) => void | Promise<void>,
    session: Session,
  ): Promise<void> {
    await resume(session);
  }

  #ready(welcome: Welcome, isReconnect: boolean): void {
    const { protocol, wire } = this.#world;
    if (this.#stage !== 'running') return;
    this.#endsAs = (end) => failureOfSession(end, 'open', protocol);
    wire.open(welcome, isReconnect);
    this.#tell({ type: 'handshake.accepted' });
    this.#read = (frame) => this.#decode(frame, this.#deliver);
    const early = this.#early;
    this.#early = NOTHING;
    for (const message of early) this.#deliver(message);
  }

  readonly #keep = (message: Incoming): void => {
    this.#early = [...this.#early, message];
  };

  readonly #deliver = (message: Incoming): void => {
    const { wire } = this.#world;
    wire.messagesIn += 1;
    wire.watcher?.message(message);
    wire.inbox.message(message);
    const revoked = this.#asking(() => this.#world.protocol.revokes?.(message));
    if (revoked !== undefined) this.#fail(failureOfRejection(revoked, 'open'));
  };

  #decode(frame: Frame, then: (message: Incoming) => void): void {
    let message: Incoming;
    try {
      message = this.#world.protocol.decode(frame);
    } catch (thrown) {
      this.#world.wire.invalidMessages += 1;
      this.#world.wire.inbox.invalid(frame, thrown);
      return;
    }
    then(message);
  }

  #sendAll(frames: readonly Frame[]): void {
    if (this.#stage !== 'running') return;
    for (const frame of frames) this.#link?.send(frame);
  }

  /** Asks the protocol something that it may fail to answer. */
  #asking<Answer>(ask: () => Answer): Answer | undefined {
    try {
      return ask();
    } catch (thrown) {
      this.#world.report('PROTOCOL_FAILED', 'protocol', thrown);
      return undefined;
    }
  }

  #refuse(failure: Failure): void {
    if (this.#stage !== 'running') return;
    this.#abandon();
    this.#tell({ type: 'handshake.rejected', failure });
  }

  /** Whatever else the server says is not for us. */
  #abandon(): void {
    this.#read = () => undefined;
    this.#stage = 'abandoned';
    this.#abort?.abort();
  }

  #fail(failure: Failure): void {
    if (this.#stage !== 'over') this.#tell({ type: 'socket.closed', failure });
  }
}

/** A function of the user's that failed, or a transport that could not even begin. */
function failureOfThrown(thrown: unknown): Failure {
  if (thrown instanceof ProviderError) {
    return makeFailure(thrown.code, 'retry', { details: thrown.details, cause: thrown.cause });
  }
  return makeFailure('CONNECT_FAILED', 'stop', {
    details: { phase: 'connecting', cause: textOf(thrown) },
    cause: thrown,
  });
}

const failureOfRejection = (
  { code = 'CREDENTIALS_REJECTED', cure, explanation, payload }: Rejection,
  phase: Phase,
): Failure => makeFailure(code, cure, { details: { phase, explanation }, payload });

const failureOfHandshake = (thrown: unknown): Failure =>
  makeFailure('HANDSHAKE_FAILED', 'retry', {
    details: { phase: 'authenticating', explanation: `${textOf(thrown)}.` },
    cause: thrown,
  });

const failureOfResume = (thrown: unknown): Failure =>
  makeFailure('RESUME_FAILED', 'retry', {
    details: { phase: 'authenticating', cause: textOf(thrown) },
    cause: thrown,
  });
