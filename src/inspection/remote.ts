// An inspector for a live view that runs elsewhere: in another process, or outside of a page. It tells what it can, when
// it can; what it cannot, it drops and counts. The application notices nothing of it.
import type { InspectionEvent } from 'xstate';
import type { Connection } from '../connection.ts';
import { InvalidOptionError } from '../errors.ts';
import { redactorFor, redactorOf, type Redactor } from '../redact.ts';
import {
  actorFrame,
  applicationFrame,
  eventFrame,
  isTold,
  sampleFrame,
  snapshotFrame,
  type FrameFacts,
  type ToldActor,
} from './frames.ts';
import type { Inspected, Inspector } from './inspector.ts';
import { quietClock, quietLine } from './quiet-line.ts';
import { isSameSample, sampleOf, type Sample } from './sample.ts';

export interface RemoteInspectorOptions {
  /**
   * Where the live view is: the address that `statewire inspect` prints.
   *
   * @defaultValue `'ws://127.0.0.1:4242'`
   */
  readonly url?: string | URL;
  /** What the live view calls this process or page. Default: its script or address. */
  readonly application?: string;
  /**
   * Events that may wait for the live view. When there are more, all of them are dropped, and later it is told how
   * everything is by then.
   *
   * @defaultValue `1_000`
   */
  readonly maxWaiting?: number;
}

export interface RemoteInspector extends Inspector, AsyncDisposable {
  /** Events that the live view was never told of. */
  readonly dropped: number;
  next(event: InspectionEvent): void;
  attach(sessionId: string, inspected: Inspected): void;
  /** Tells what waits, for at most a second, and ends. What happens later is not told. */
  close(): Promise<void>;
}

/**
 * Tells a live view that runs elsewhere what happens here, to any number of connections and other XState 5 actors:
 * `new Connection({ url, inspect: remoteInspector() })`. It keeps no process alive, and when no live view is there it
 * looks for one now and then.
 *
 * @throws {InvalidOptionError} for a URL or a number that cannot be meant
 */
export function remoteInspector(options: RemoteInspectorOptions = {}): RemoteInspector {
  const { url = 'ws://127.0.0.1:4242', application = here(), maxWaiting = 1_000 } = options;
  if (!Number.isInteger(maxWaiting) || maxWaiting < 1) {
    throw new InvalidOptionError('maxWaiting', 'a whole number of at least 1', maxWaiting);
  }
  return new Remote({ url, application, maxWaiting });
}

/** What happened, to be put into a frame when it is told. */
interface News {
  readonly facts: FrameFacts;
  readonly frame: (redactor: Redactor) => string;
}

interface KnownActor {
  readonly ref: WeakRef<ToldActor>;
  readonly rootId: string;
}

/** A connection among the actors: what it can be asked, and what is secret in it, even when it is gone. */
interface Attached {
  readonly inspected: WeakRef<Inspected>;
  readonly name: string;
  redactor: Redactor;
  sample?: Sample;
}

type Told = Extract<InspectionEvent, { type: '@xstate.event' | '@xstate.snapshot' }>;

function newsOf(told: Told, facts: FrameFacts): News {
  const { event } = told;
  if (told.type === '@xstate.event') {
    const sourceId = told.sourceRef?.sessionId;
    return { facts, frame: (redactor) => eventFrame(facts, { event, sourceId }, redactor) };
  }
  const { snapshot } = told;
  return { facts, frame: (redactor) => snapshotFrame(facts, { event, snapshot }, redactor) };
}

/** Put into frames in one go: some 5 ms of work. */
const MAX_AT_ONCE = 100;
const SAMPLE_EVERY_MS = 1_000;
const PLAIN_REDACTOR = redactorOf({});

class Remote implements RemoteInspector {
  dropped = 0;
  readonly #options: Required<RemoteInspectorOptions>;
  readonly #line: Connection<string>;
  readonly #actors = new Map<string, KnownActor>();
  readonly #attached = new Map<string, Attached>();
  #waiting: News[] = [];
  /** Whether the live view lacks something, so that it must be told of everything anew. */
  #hasGap = false;
  #telling: unknown;
  #sampling: unknown;
  #isClosed = false;

  constructor(options: Required<RemoteInspectorOptions>) {
    this.#options = options;
    this.#line = quietLine(options.url, () => this.#waiting.length > 0 || this.#actors.size > 0);
    this.#line.on('open', ({ isReconnect }) => {
      this.#line.send(applicationFrame(options.application, Date.now()));
      if (isReconnect) this.#loseTrack();
      this.#wake();
    });
  }

  next(told: InspectionEvent): void {
    if (this.#isClosed || !isTold(told)) return;
    const actor: ToldActor = told.actorRef;
    const facts = { sessionId: actor.sessionId, rootId: told.rootId, at: Date.now() };
    if (!this.#actors.has(actor.sessionId)) this.#introduce(actor, facts);
    this.#add(told, facts);
    if (told.type === '@xstate.snapshot' && told.snapshot.status !== 'active') {
      this.#actors.delete(actor.sessionId);
    }
  }

  attach(sessionId: string, inspected: Inspected): void {
    const { name } = inspected;
    this.#attached.set(sessionId, {
      inspected: new WeakRef(inspected),
      name,
      redactor: redactorFor(inspected),
    });
    this.#sampling ??= quietClock.setTimeout(() => this.#sample(), SAMPLE_EVERY_MS);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    quietClock.clearTimeout(this.#sampling);
    quietClock.clearTimeout(this.#telling);
    // Whoever waits for this wants the process to live that long.
    const hold = setInterval(() => undefined, SAMPLE_EVERY_MS);
    try {
      if (this.#line.state === 'open' && this.#hasGap) this.#tellAnew();
      while (this.#line.state === 'open' && this.#waiting.length > 0) this.#tellSome();
      await this.#line.disconnect();
    } finally {
      clearInterval(hold);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #introduce(actor: ToldActor, facts: FrameFacts): void {
    this.#actors.set(actor.sessionId, { ref: new WeakRef(actor), rootId: facts.rootId });
    const snapshot = actor.getSnapshot?.();
    const name = this.#attached.get(actor.sessionId)?.name;
    const about = { actor, snapshot, ...(name !== undefined && { name }) };
    this.#waiting.push({ facts, frame: (redactor) => actorFrame(facts, about, redactor) });
  }

  #add(told: Told, facts: FrameFacts): void {
    // Everything will be told anew: what led there need not wait for it.
    if (this.#hasGap) this.#loseTrack(1);
    else this.#waiting.push(newsOf(told, facts));
    if (this.#waiting.length > this.#options.maxWaiting) this.#loseTrack();
    this.#wake();
  }

  #loseTrack(besides = 0): void {
    this.dropped += this.#waiting.length + besides;
    this.#waiting = [];
    this.#hasGap = true;
  }

  #wake(): void {
    if (this.#telling !== undefined) return;
    const { state } = this.#line;
    if (state === 'open') this.#telling = quietClock.setTimeout(() => this.#tell(), 0);
    else if (state === 'idle' || state === 'failed') void this.#line.connect().catch(() => undefined);
  }

  #tell(): void {
    this.#telling = undefined;
    if (this.#line.state !== 'open') return;
    if (this.#hasGap) this.#tellAnew();
    const hasRoom = this.#tellSome();
    if (this.#waiting.length === 0) return;
    if (hasRoom) this.#wake();
    else
      this.#line.drained().then(
        () => this.#wake(),
        () => undefined,
      );
  }

  /** Returns whether there is room for more. */
  #tellSome(): boolean {
    let hasRoom = true;
    const redactors = new Map<string, Redactor>();
    for (const { facts, frame } of this.#waiting.splice(0, MAX_AT_ONCE)) {
      const redactor = redactors.get(facts.rootId) ?? this.#redactorOf(facts.rootId);
      redactors.set(facts.rootId, redactor);
      hasRoom = this.#line.send(frame(redactor));
    }
    return hasRoom;
  }

  /** How everything is by now, in place of how it came to be. */
  #tellAnew(): void {
    this.#hasGap = false;
    this.#loseTrackOfTheDead();
    const known = [...this.#actors];
    this.#actors.clear();
    const at = Date.now();
    for (const [sessionId, { ref, rootId }] of known) {
      const actor = ref.deref();
      if (actor !== undefined) this.#introduce(actor, { sessionId, rootId, at });
    }
  }

  #loseTrackOfTheDead(): void {
    for (const [sessionId, { ref }] of this.#actors)
      if (ref.deref() === undefined) this.#actors.delete(sessionId);
  }

  /** By what a connection knows now; a token may have been renewed since. */
  #redactorOf(rootId: string): Redactor {
    const attached = this.#attached.get(rootId);
    if (attached === undefined) return PLAIN_REDACTOR;
    const inspected = attached.inspected.deref();
    if (inspected !== undefined) attached.redactor = redactorFor(inspected);
    return attached.redactor;
  }

  #sample(): void {
    this.#loseTrackOfTheDead();
    const at = Date.now();
    for (const [sessionId, attached] of this.#attached) {
      const inspected = attached.inspected.deref();
      if (inspected === undefined) this.#attached.delete(sessionId);
      else if (this.#line.state === 'open')
        this.#tellFigures(sessionId, attached, sampleOf(inspected.stats, at));
    }
    const isNeeded = this.#attached.size > 0;
    this.#sampling = isNeeded ? quietClock.setTimeout(() => this.#sample(), SAMPLE_EVERY_MS) : undefined;
  }

  #tellFigures(sessionId: string, attached: Attached, sample: Sample): void {
    if (attached.sample !== undefined && isSameSample(attached.sample, sample)) return;
    attached.sample = sample;
    this.#line.send(sampleFrame({ sessionId, rootId: sessionId, at: sample.at }, sample));
  }
}

/** A page by its address, a process by its script. */
function here(): string {
  const { location, process } = globalThis as {
    readonly location?: { readonly host: string; readonly pathname: string };
    readonly process?: Partial<NodeJS.Process>;
  };
  if (location !== undefined) return `${location.host}${location.pathname}`;
  const script = process?.argv?.[1]?.split(/[\\/]/).at(-1) ?? 'a process';
  return process?.pid === undefined ? script : `${script} (${process.pid})`;
}
