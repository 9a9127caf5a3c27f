// A real connection in a world of memory, and everything that a user may rely on. Nothing here looks at the machine:
// the promises of the documentation are written down again, and every one is checked after everything that happens.
import { Connection, CONNECTION_STATES, ConnectionError, listBackoff, recorder } from '../../src/index.ts';
import type { ConnectionOptions, Logger, Loss, StateChange, Verdict } from '../../src/index.ts';
import type { ConnectionSnapshot } from '../../machines/index.ts';
import { PuppetSurroundings } from '../../src/testing/path-walker.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { turn } from '../../src/testing/wait.ts';
import { auditLink, type Farewells } from './audit.ts';
import { Ledger } from './ledger.ts';
import { MemoryTransport, type MemoryLink } from './memory-transport.ts';
import { Pledges } from './pledges.ts';
import { talkProtocol, type Greeting, type Habits, type Part, type Talk } from './talk-protocol.ts';

export type TalkConnection = Connection<Talk, Talk, Greeting, string>;
type Options = ConnectionOptions<Talk, Talk, Greeting, string>;

export interface SubjectSettings extends Habits {
  readonly heartbeat: Options['heartbeat'] & object;
  readonly outbox: NonNullable<Options['outbox']>;
  readonly retry: NonNullable<Options['retry']>;
  /** What provides the URL and the credentials: values, functions, or functions that answer when told. */
  readonly providers: 'values' | 'functions' | 'slow functions';
  readonly resume: 'none' | 'quick' | 'slow';
  readonly hasPolicy: boolean;
  /** Whether a link can stop reading for a slow consumer. */
  readonly canPause: boolean;
  /** How many events the flight recorder keeps. */
  readonly keptEvents: number;
}

export const CALM: SubjectSettings = {
  greets: true,
  acknowledges: false,
  probe: 'ping',
  when: 'whenQuiet',
  heartbeat: { intervalMs: 15_000, timeoutMs: 10_000 },
  outbox: {},
  retry: { stableAfterMs: 5_000 },
  providers: 'values',
  resume: 'none',
  hasPolicy: false,
  canPause: true,
  keptEvents: 10_000,
};

export const BACKOFF_MS = [100, 1_000, 10_000] as const;
export const CLOSE_MS = 3_000;
const TIMEOUTS = { connectMs: 15_000, handshakeMs: 10_000, closeMs: CLOSE_MS, networkPatienceMs: 30_000 };

/** What the user last asked for. After an abort nobody can tell from outside. */
type Wish = 'nothing' | 'connect' | 'disconnect' | 'unknown';

type Answer = (isGood: boolean) => void;

export class Subject {
  readonly settings: SubjectSettings;
  readonly clock = new VirtualClock();
  readonly transport: MemoryTransport;
  readonly surroundings = new PuppetSurroundings();
  readonly connection: TalkConnection;
  readonly ledger: Ledger;
  readonly pledges: Pledges;
  readonly changes: StateChange[] = [];
  /** The machine's own account: the state after each event. */
  readonly values: ConnectionSnapshot['value'][] = [];
  /** What throws for now. */
  readonly broken = new Set<Part>();
  readonly slow: Answer[] = [];
  decide: (proposal: Verdict, loss: Loss) => Verdict = (proposal) => proposal;
  /** Listeners that were added by commands do nothing any more. */
  isMuted = false;
  /** Timers of the test's own on the same clock. */
  #ownTimers = 0;
  readonly #farewells: Farewells = new Map();
  readonly #resuming = new Map<MemoryLink, number>();
  readonly #complaints: string[] = [];
  /** How often anybody asked for anything. */
  wishes = 0;
  #wish: Wish = 'nothing';
  #wishedAt = 0;
  #linksAtWish = 0;
  #welcomes = 0;
  #heard = 0;
  #listened = -1;
  #stats: Readonly<Record<string, number>> = {};

  constructor(settings: Partial<SubjectSettings> = {}) {
    this.settings = { ...CALM, ...settings };
    this.transport = new MemoryTransport({ canPause: this.settings.canPause });
    this.connection = new Connection(this.#options());
    this.connection.actor.subscribe(({ value }) => this.values.push(value));
    const { acknowledges, outbox } = this.settings;
    const terms = { acknowledges, ttlMs: outbox.ttlMs ?? Infinity, now: () => this.clock.now() };
    this.ledger = new Ledger(this.connection, this.transport, terms);
    this.pledges = new Pledges(this.connection, (text) => this.#complaints.push(text));
    this.#listen();
  }

  get link(): MemoryLink | undefined {
    return this.transport.current;
  }

  /** How many sessions were accepted. */
  get welcomes(): number {
    return this.#welcomes;
  }

  connect(signal?: AbortSignal): void {
    if (signal?.aborted !== true) this.#wishes('connect');
    this.pledges.connect(signal, () => this.#welcomes);
  }

  /** `inListener`: it takes effect only when the connection has told everybody of what it is telling now. */
  disconnect({ inListener = false } = {}): void {
    if (!inListener) {
      this.#noteFarewell();
      if (this.connection.state === 'open') this.ledger.expectFlush();
    }
    this.#wishes('disconnect');
    this.pledges.disconnect();
  }

  abort(controller: AbortController): void {
    this.wishes += 1;
    if (this.#wish === 'connect') this.#wish = 'unknown';
    controller.abort(new Error('aborted'));
  }

  /** The server lets us in. */
  accepts(): void {
    const { link } = this;
    if (link === undefined || link.isDead || !this.settings.greets) return;
    if (link.stage === 'open' && link.acceptedAt === undefined && link.frames.length > 0) {
      this.#welcomes += 1;
      link.acceptedAt = link.acts.length;
    }
    link.hears(JSON.stringify({ welcome: this.#welcomes }));
  }

  opens(): void {
    const { link } = this;
    if (link === undefined || link.stage !== 'dialling' || link.isDead) return;
    if (!this.settings.greets) link.acceptedAt = 0;
    link.opens();
  }

  /** A numbered message comes in. */
  talks(): void {
    if (this.link?.hears(JSON.stringify({ talk: this.#heard })) === true) this.#heard += 1;
  }

  /** Connects, whatever that takes. */
  async establish(): Promise<void> {
    this.connect();
    await turn();
    while (this.slow.length > 0) {
      this.slow.shift()?.(true);
      await turn();
    }
    this.opens();
    this.accepts();
    await turn();
    while (this.slow.length > 0) {
      this.slow.shift()?.(true);
      await turn();
    }
  }

  /** Does something at a time, in between whatever else is due then. */
  later(ms: number, act: () => void): void {
    this.#ownTimers += 1;
    this.clock.setTimeout(() => {
      this.#ownTimers -= 1;
      if (!this.isMuted) act();
    }, ms);
  }

  /** Runs one command; `isHasty` leaves no time for promises to settle before the next. */
  async run(command: () => void | Promise<void>, isHasty = false): Promise<void> {
    await command();
    if (this.#wish === 'disconnect') this.#noteFarewell();
    if (isHasty) return;
    await turn();
    this.check();
  }

  /** @throws {Error} every promise that is broken now */
  check(): void {
    const { state } = this.connection;
    const complaints = [
      ...this.#complaints,
      ...this.transport.breaches,
      ...this.#aboutState(),
      ...this.#aboutWishes(),
      ...this.#aboutStats(),
      ...this.pledges.complaints(state, this.link?.isPaused === true),
      ...this.ledger.complaints(false),
      ...this.transport.links.flatMap((link) =>
        auditLink(link, this.#farewells.get(link), (this.#resuming.get(link) ?? 0) > 0),
      ),
    ];
    if (complaints.length > 0) throw new Error(complaints.join('\n'));
  }

  /** Ends the connection, lets the time for that pass, and checks that nothing at all is left. */
  async finish(): Promise<void> {
    this.isMuted = true;
    await this.run(() => this.disconnect());
    this.clock.advance(CLOSE_MS);
    await turn();
    this.check();
    const { state } = this.connection;
    const complaints = [...this.ledger.complaints(true), ...this.pledges.leftovers()];
    if (state !== 'closed') complaints.push(`it is ${state} after disconnect() and ${CLOSE_MS} ms`);
    if (complaints.length > 0) throw new Error(complaints.join('\n'));
  }

  /** Everything that could be seen from outside, for comparing two runs. */
  get trace() {
    return {
      changes: this.changes,
      acts: this.transport.links.map(({ acts }) => acts),
      outcomes: this.ledger.outcomes,
      pledges: this.pledges.outcomes,
    };
  }

  #wishes(wish: Wish): void {
    this.wishes += 1;
    this.#wish = wish;
    this.#wishedAt = this.clock.now();
    this.#linksAtWish = this.transport.links.length;
  }

  #noteFarewell(): void {
    const { link } = this;
    if (link === undefined || this.#farewells.has(link)) return;
    this.#farewells.set(link, {
      lastId: this.ledger.lastId,
      acceptedAt: link.acceptedAt,
      actsBefore: link.acts.length,
      wasOpen: link.stage !== 'dialling',
    });
  }

  #aboutState(): string[] {
    const { state } = this.connection;
    const told = this.changes.at(-1)?.state ?? 'idle';
    const live = this.transport.live.length;
    const isOver = state === 'closed' || state === 'failed';
    const timers = this.clock.pending - this.#ownTimers;
    const needsTimer = !['idle', 'closed', 'failed', 'open'].includes(state) || this.#isWatched;
    const wrong: readonly (readonly [boolean, string])[] = [
      [!CONNECTION_STATES.includes(state), `"${state}" is no state`],
      [told !== state, `it is ${state}, and ${told} was told`],
      [this.transport.mostLive > 1, `there were ${this.transport.mostLive} links at once`],
      [(isOver || state === 'idle' || state === 'reconnecting') && live > 0, `it is ${state} with a link`],
      [['authenticating', 'open', 'closing'].includes(state) && live !== 1, `it is ${state} without a link`],
      [isOver && timers > 0, `it is ${state} with ${timers} timers`],
      [needsTimer && timers === 0, `it is ${state} for ever: there is no timer`],
    ];
    return wrong.flatMap(([isWrong, text]) => (isWrong ? [text] : []));
  }

  /** Whether the heartbeat should be at work. */
  get #isWatched(): boolean {
    return this.connection.state === 'open' && this.settings.probe !== 'none';
  }

  #aboutWishes(): string[] {
    const { state } = this.connection;
    const dials = this.transport.links.length;
    const isDue = this.clock.now() - this.#wishedAt >= CLOSE_MS;
    const wrong: readonly (readonly [boolean, string])[] = [
      [this.#wish === 'nothing' && state !== 'idle', `it is ${state}, and nobody asked`],
      [this.#wish === 'nothing' && dials > 0, 'it dialled, and nobody asked'],
      [this.#wish === 'disconnect' && isDue && state !== 'closed', `it is ${state} long after disconnect()`],
      [
        this.#wish === 'disconnect' && state !== 'closed' && state !== 'closing',
        `it is ${state} after disconnect()`,
      ],
      [this.#wish === 'disconnect' && dials > this.#linksAtWish, 'it dialled after disconnect()'],
      [
        this.#wish === 'connect' && (state === 'idle' || state === 'closed'),
        `it is ${state} after connect()`,
      ],
      [state === 'failed' && dials > 0 && this.transport.live.length > 0, 'it dialled after it gave up'],
    ];
    return wrong.flatMap(([isWrong, text]) => (isWrong ? [text] : []));
  }

  #aboutStats(): string[] {
    const { rttHistogram, ...stats } = this.connection.stats;
    const counters = ['messagesIn', 'messagesOut', 'bytesIn', 'bytesOut', 'attempts', 'reconnects'] as const;
    const others = ['downtimeMs', 'droppedMessages', 'expiredMessages', 'invalidMessages'] as const;
    const now: Record<string, number> = { roundTrips: rttHistogram.count };
    for (const name of [...counters, ...others]) now[name] = stats[name];
    now['lastReceivedAt'] = stats.lastReceivedAt ?? -1;
    const before = this.#stats;
    this.#stats = now;
    return Object.entries(now)
      .filter(([name, value]) => !(value >= (before[name] ?? -1)))
      .map(([name, value]) => `stats.${name} went from ${before[name]} to ${value}`);
  }

  #listen(): void {
    const { connection } = this;
    connection.on('statechange', (change) => {
      const told = this.changes.at(-1)?.state ?? 'idle';
      if (change.previous !== told || change.state === told)
        this.#complaints.push(`after ${told}: ${change.previous} → ${change.state}`);
      this.changes.push(change);
    });
    connection.on('message', ({ talk }) => {
      if (talk === undefined) return;
      if (talk <= this.#listened) this.#complaints.push(`heard ${talk} after ${this.#listened}`);
      this.#listened = talk;
    });
    connection.on('dropped', ({ message, error }) => this.ledger.dropped(message, error.code));
    connection.on('failed', (error) => this.#refuseInternal(error));
    connection.on('error', () => undefined);
  }

  #refuseInternal(error: unknown): void {
    if (error instanceof ConnectionError && error.code === 'INTERNAL_ERROR')
      this.#complaints.push(`the machine broke: ${error.message}`);
  }

  #options(): Options {
    const { settings, broken } = this;
    const need = (part: Part) => {
      if (broken.has(part)) throw new Error(`${part} is broken`);
    };
    const retry = settings.retry;
    const log = () => need('logger');
    this.surroundings.isOnline = () => {
      need('isOnline');
      return this.surroundings.online;
    };
    return {
      url: this.#provider('ws://talk.test/', () => undefined),
      credentials: this.#provider('secret', () => need('credentials')),
      protocol: talkProtocol(settings, broken),
      transport: this.transport,
      surroundings: this.surroundings,
      clock: this.clock,
      random: () => {
        need('random');
        return 0;
      },
      heartbeat: settings.heartbeat,
      outbox: settings.outbox,
      timeouts: TIMEOUTS,
      recorder: recorder({ events: settings.keptEvents }),
      retry: retry && {
        backoff: listBackoff(BACKOFF_MS),
        ...retry,
        ...(settings.hasPolicy && { policy: (loss: Loss, proposal: Verdict) => this.decide(proposal, loss) }),
      },
      logger: { debug: log, info: log, warn: log, error: log } satisfies Logger,
      ...(settings.resume !== 'none' && { resume: (session) => this.#resume(session) }),
    };
  }

  #provider<Value>(value: Value, check: () => void): Value | (() => Value | Promise<Value>) {
    const { providers } = this.settings;
    if (providers === 'values') return value;
    return () => {
      check();
      return providers === 'functions' ? value : this.#later(value);
    };
  }

  #later<Value>(value: Value): Promise<Value> {
    return new Promise((resolve, reject) => {
      this.slow.push((isGood) => {
        if (isGood) resolve(value);
        else reject(new Error('a slow function failed'));
      });
    });
  }

  /** Tells the server again what it must know. */
  async #resume({ send }: { readonly send: (message: Talk) => void }): Promise<void> {
    const { link } = this;
    if (link !== undefined) this.#resuming.set(link, 1);
    if (this.settings.resume === 'slow') await this.#later(undefined);
    send({ again: true } as Talk);
    if (link !== undefined) this.#resuming.delete(link);
  }
}
