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
  /** The actor, when this is its end: nothing else holds it any more. */
  readonly ended?: ToldActor;
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
  return {
    facts,
    frame: (redactor) => snapshotFrame(facts, { event, snapshot }, redactor),
    ...(snapshot.status !== 'active' && { ended: told.actorRef }),
  };
}

/** An actor of which something could not be told. */
interface Behind extends KnownActor {
  /** Held until its end is told. */
  readonly ended?: ToldActor;
}

/** Of these, so many are remembered; of the others the live view keeps what it was told last. */
const MAX_BEHIND = 10_000;
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
  /** Actors of which something could not be told: told of anew, in turn, by how they are by then. */
  readonly #behind = new Map<string, Behind>();
  #telling: unknown;
  /** Whether the line has to drain before more is told. */
  #isFull = false;
  #sampling: unknown;
  #isClosed = false;

  constructor(options: Required<RemoteInspectorOptions>) {
    this.#options = options;
    this.#line = quietLine(options.url, () => this.#waiting.length > 0 || this.#actors.size > 0);
    this.#line.on('open', ({ isReconnect }) => {
      this.#isFull = false;
      this.#send(applicationFrame(options.application, Date.now()));
      if (isReconnect) {
        this.#loseTrack();
        for (const [sessionId, known] of this.#actors) this.#behind.set(sessionId, known);
      }
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
      const behind = this.#behind.get(actor.sessionId);
      // Held until its end is told.
      if (behind !== undefined) this.#behind.set(actor.sessionId, { ...behind, ended: actor });
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
      while (this.#line.state === 'open' && this.#hasNews) {
        if (!this.#tellSome()) break;
      }
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
    // It will be told anew: what led there need not wait for it.
    if (this.#behind.has(facts.sessionId)) this.dropped += 1;
    else this.#waiting.push(newsOf(told, facts));
    if (this.#waiting.length > this.#options.maxWaiting) this.#loseTrack();
    this.#wake();
  }

  #loseTrack(): void {
    this.dropped += this.#waiting.length;
    for (const news of this.#waiting) this.#fallBehind(news);
    this.#waiting = [];
  }

  #fallBehind({ facts: { sessionId, rootId }, ended }: News): void {
    if (this.#behind.size >= MAX_BEHIND) return;
    if (ended !== undefined) this.#behind.set(sessionId, { ref: new WeakRef(ended), rootId, ended });
    const known = this.#actors.get(sessionId);
    if (known !== undefined) this.#behind.set(sessionId, known);
  }

  get #hasNews(): boolean {
    return this.#waiting.length > 0 || this.#behind.size > 0;
  }

  #wake(): void {
    if (this.#telling !== undefined || this.#isFull) return;
    const { state } = this.#line;
    if (state === 'open') this.#telling = quietClock.setTimeout(() => this.#tell(), 0);
    else if (state === 'idle' || state === 'failed') void this.#line.connect().catch(() => undefined);
  }

  #tell(): void {
    this.#telling = undefined;
    if (this.#line.state !== 'open') return;
    const hasRoom = this.#tellSome();
    if (!hasRoom) this.#waitForRoom();
    else if (this.#hasNews) this.#wake();
  }

  #waitForRoom(): void {
    this.#isFull = true;
    const goOn = (): void => {
      this.#isFull = false;
      if (this.#hasNews) this.#wake();
    };
    this.#line.drained().then(goOn, goOn);
  }

  /** Returns whether there is room for more. */
  #tellSome(): boolean {
    const redactors = new Map<string, Redactor>();
    let told = 0;
    let hasRoom = true;
    for (const { facts, frame } of this.#waiting) {
      if (!hasRoom || told >= MAX_AT_ONCE) break;
      const redactor = redactors.get(facts.rootId) ?? this.#redactorOf(facts.rootId);
      redactors.set(facts.rootId, redactor);
      hasRoom = this.#send(frame(redactor));
      told += 1;
    }
    this.#waiting.splice(0, told);
    for (const [sessionId, behind] of this.#behind) {
      if (!hasRoom || told >= MAX_AT_ONCE) break;
      this.#behind.delete(sessionId);
      hasRoom = this.#tellAnew(sessionId, behind);
      told += 1;
    }
    return hasRoom;
  }

  /** Returns whether there is room for more. Never throws: what does not fit is a gap. */
  #send(frame: string): boolean {
    try {
      return this.#line.send(frame);
    } catch {
      this.dropped += 1;
      return false;
    }
  }

  /** How one is by now, in place of how it came to be. Returns whether there is room for more. */
  #tellAnew(sessionId: string, { ref, rootId, ended }: Behind): boolean {
    const actor = ended ?? ref.deref();
    if (actor === undefined) return true;
    const facts = { sessionId, rootId, at: Date.now() };
    const redactor = this.#redactorOf(rootId);
    const snapshot = actor.getSnapshot?.();
    const name = this.#attached.get(sessionId)?.name;
    const hasRoom = this.#send(
      actorFrame(facts, { actor, snapshot, ...(name !== undefined && { name }) }, redactor),
    );
    if (ended === undefined) return hasRoom;
    return this.#send(snapshotFrame(facts, { event: { type: 'xstate.stop' }, snapshot }, redactor));
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
    this.#send(sampleFrame({ sessionId, rootId: sessionId, at: sample.at }, sample));
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
