// The socket reader: one attempt, from resolving the URL to the last byte. Control goes to the machine as facts,
// messages go straight to the inbox. It lives exactly as long as the state `online`.
import type { Failure, Phase, SocketEvent, SocketInput } from '../../machines/index.ts';
import { makeFailure, redactFailure, textOf } from '../errors.ts';
import { failureOfAttempt, failureOfSession } from '../failures.ts';
import type { Handshake, HandshakeStep, Rejection } from '../protocols/protocol.ts';
import { canRefresh, ProviderError, resolveAttempt } from '../providers.ts';
import { redactorFor, type Redactor } from '../redact.ts';
import type { Envelope, Frame, Link, LinkEnd, LinkEvents, Target } from '../transports/transport.ts';
import type { Held, World } from '../world.ts';

type Tell = (event: SocketEvent) => void;

export const socketActor =
  <Incoming, Outgoing, Welcome, Credentials>(world: World<Incoming, Outgoing, Welcome, Credentials>) =>
  ({ input, sendBack }: { input: SocketInput; sendBack: Tell }): Held => {
    const attempt = new Attempt(world, input, sendBack);
    attempt.run();
    return attempt;
  };

const NOTHING: readonly never[] = [];
/** Where no function of the user's is asked, nobody holds the signal: an idle connection stays small. */
const NEVER_ABORTED = new AbortController().signal;

/** Shared, because each object of its own is held for as long as the flight recorder knows it. */
const OPENED = { type: 'socket.opened' } as const;
const ACCEPTED = { type: 'handshake.accepted' } as const;

/** One object whose stage says what a frame is taken for; a closure for each stage would cost a connection 400 bytes. */
class Attempt<Incoming, Outgoing, Welcome, Credentials> implements LinkEvents, Held {
  readonly #world: World<Incoming, Outgoing, Welcome, Credentials>;
  readonly #input: SocketInput;
  readonly #tell: Tell;
  /** `abandoned`: nothing more is said or heard, but the end of the link is still awaited. `over`: not even that. */
  #stage: 'running' | 'abandoned' | 'over' = 'running';
  #abort: AbortController | undefined;
  #link: Link | undefined;
  /** Needed until the socket is open. */
  #credentials: Credentials | undefined;

  #phase: Phase = 'connecting';
  /** What a frame is taken for: the protocol's business, a message to keep until it may be told, or one to tell. */
  #hears: 'nothing' | 'handshake' | 'early' | 'messages' = 'nothing';
  #handshake: Handshake<Incoming, Welcome> | undefined;
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
    this.#hears = 'nothing';
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
    settings.logger?.info('Connecting', {
      url: this.#redactor.url(target.url),
      attempt: this.#input.attempt,
    });
    this.#link = transport.open(target, this, settings.clock);
    wire.link = this.#link;
  }

  opened({ timings }: Parameters<LinkEvents['opened']>[0]): void {
    this.#world.wire.connectTimings = timings;
    this.#greet(this.#credentials as Credentials);
    this.#credentials = undefined;
  }

  received(frame: Frame, envelope?: Envelope): void {
    const { settings, wire } = this.#world;
    wire.lastReceivedAt = settings.clock.now();
    wire.watcher?.sign();
    if (this.#hears === 'handshake') this.#hear(frame);
    else if (this.#hears !== 'nothing') this.#decode(frame, envelope);
  }

  ponged(): void {
    const { settings, wire } = this.#world;
    wire.lastReceivedAt = settings.clock.now();
    wire.watcher?.pong();
  }

  ended(end: LinkEnd): void {
    const { outbox, report, wire } = this.#world;
    outbox.detach();
    wire.ended(this.#shown(end));
    let classified: Failure | undefined;
    let broken: { readonly thrown: unknown } | undefined;
    try {
      classified = this.#failureOf(end);
    } catch (thrown) {
      broken = { thrown };
    }
    this.#fail(classified ?? failureOfSession(end, 'open', {}));
    // Told last: a listener may act on it, and must find the machine where the end has taken it.
    if (broken !== undefined) report('PROTOCOL_FAILED', 'protocol', broken.thrown);
  }

  #failureOf(end: LinkEnd): Failure {
    if (this.#phase === 'connecting') return failureOfAttempt(end);
    return failureOfSession(end, this.#phase, this.#world.protocol);
  }

  /** A server may say back what it was told. */
  #shown(end: LinkEnd): LinkEnd {
    const { closeReason } = end;
    return closeReason === '' ? end : { ...end, closeReason: this.#redactor.text(closeReason) };
  }

  /** Made when it is needed: an idle connection holds none. */
  get #redactor(): Redactor {
    return redactorFor(this.#world);
  }

  get #signal(): AbortSignal {
    this.#abort ??= new AbortController();
    return this.#abort.signal;
  }

  /** The first frames may come in the same packet as the end of the upgrade: the handshake is ready before it is told. */
  #greet(credentials: Credentials): void {
    const { protocol, settings, wire } = this.#world;
    this.#phase = 'authenticating';
    wire.handshake = this;
    let handshake: Handshake<Incoming, Welcome> | undefined;
    try {
      handshake = protocol.handshake?.(credentials);
    } catch (thrown) {
      this.#tell(OPENED);
      this.#refuse(failureOfHandshake(thrown));
      return;
    }
    this.#handshake = handshake;
    if (handshake !== undefined) this.#hears = 'handshake';
    this.#tell(OPENED);
    if (handshake === undefined) {
      this.#accept({ status: 'accepted', welcome: undefined as Welcome });
      return;
    }
    settings.logger?.debug('Sending handshake', { protocol: protocol.name });
    this.#sendAll(handshake.opening);
  }

  #hear(frame: Frame): void {
    let step: HandshakeStep<Incoming, Welcome>;
    try {
      step = (this.#handshake as Handshake<Incoming, Welcome>).receive(frame);
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
    this.#handshake = undefined;
    this.#hears = 'early';
    this.#sendAll(send);
    try {
      this.#sendAll(protocol.resume?.(welcome, { isReconnect }) ?? []);
    } catch (thrown) {
      this.#refuse(failureOfResume(thrown));
      return;
    }
    if (options.resume === undefined) {
      this.#ready(welcome, isReconnect, messages);
      return;
    }
    const session = {
      welcome,
      isReconnect,
      signal: this.#signal,
      send: (message: Outgoing) => this.#sendAll([protocol.encode(message)]),
    };
    this.#resume(options.resume, session)
      .then(() => this.#ready(welcome, isReconnect, messages))
      .catch((thrown: unknown) => this.#refuse(failureOfResume(thrown)));
  }

  async #resume<Session>(
    resume: (session: Session) => void | Promise<void>,
    session: Session,
  ): Promise<void> {
    await resume(session);
  }

  /** @param said what came with the verdict; what came after it is in `#early` */
  #ready(welcome: Welcome, isReconnect: boolean, said: readonly Incoming[]): void {
    if (this.#stage !== 'running') return;
    const { waiters, wire } = this.#world;
    const isAwaited = waiters.areOpening;
    this.#phase = 'open';
    wire.open(welcome, isReconnect);
    this.#tell(ACCEPTED);
    this.#hears = 'messages';
    const early = this.#early;
    this.#early = NOTHING;
    for (const message of said) this.#deliver(message);
    if (isAwaited) this.#world.keepFresh();
    for (const message of early) this.#deliver(message);
  }

  #deliver(message: Incoming): void {
    const { protocol, wire } = this.#world;
    wire.messagesIn += 1;
    wire.watcher?.message(message);
    wire.inbox.message(message);
    if (protocol.revokes === undefined) return;
    const revoked = this.#world.asking('PROTOCOL_FAILED', 'protocol', () => protocol.revokes?.(message));
    if (revoked !== undefined) this.#fail(failureOfRejection(revoked, 'open'));
  }

  #decode(frame: Frame, envelope: Envelope | undefined): void {
    let message: Incoming;
    try {
      message = this.#world.protocol.decode(frame, envelope);
    } catch (thrown) {
      this.#world.wire.invalidMessages += 1;
      this.#world.wire.inbox.invalid(frame, thrown);
      return;
    }
    if (this.#hears === 'early') this.#early = [...this.#early, message];
    else this.#deliver(message);
  }

  #sendAll(frames: readonly Frame[]): void {
    if (this.#stage !== 'running') return;
    for (const frame of frames) this.#link?.send(frame);
  }

  #refuse(failure: Failure): void {
    if (this.#stage !== 'running') return;
    this.abandon();
    this.#tell({ type: 'handshake.rejected', failure: redactFailure(failure, this.#redactor) });
  }

  /** Whatever else the server says is not for us. */
  abandon(): void {
    this.#hears = 'nothing';
    this.#stage = 'abandoned';
    this.#abort?.abort();
  }

  #fail(failure: Failure): void {
    if (this.#stage === 'over') return;
    this.#tell({ type: 'socket.closed', failure: redactFailure(failure, this.#redactor) });
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
