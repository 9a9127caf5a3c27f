// Carries out commands on a subject.
import type { Verdict } from '../../src/index.ts';
import type { Command, Step } from './commands.ts';
import { withRecording } from './failure-recording.ts';
import { Subject, type SubjectSettings } from './subject.ts';

type Doing<Name extends Command['do']> = Extract<Command, { readonly do: Name }>;
type Acts = { readonly [Name in Command['do']]: (command: Doing<Name>) => void | Promise<void> };

/** How often a policy may send a connection back to its dead server at once. */
const MAX_REFRESHES = 2;
const LONG = 'x'.repeat(60);

/** Plays all steps, one after the other. `isQuiet`: nothing throws, although it was told to. */
export async function play(
  settings: Partial<SubjectSettings>,
  steps: readonly Step[],
  isQuiet = false,
): Promise<Subject> {
  const stage = new Stage(settings, isQuiet);
  const { subject } = stage;
  await withRecording(subject.connection, async () => {
    for (const step of steps) await stage.take(step);
    await subject.run(() => undefined);
    await subject.finish();
  });
  return subject;
}

export class Stage {
  readonly subject: Subject;
  readonly #isQuiet: boolean;
  readonly #controllers: AbortController[] = [];
  #refreshes = 0;

  constructor(settings: Partial<SubjectSettings>, isQuiet = false) {
    this.subject = new Subject(settings);
    this.#isQuiet = isQuiet;
  }

  take({ command, hasty }: Step): Promise<void> {
    const act = this.#acts[command.do] as (command: Command) => void | Promise<void>;
    return this.subject.run(() => act(command), hasty);
  }

  readonly #acts: Acts = {
    establish: () => this.subject.establish(),
    connect: ({ signal }) => this.subject.connect(this.#signalOf(signal)),
    disconnect: () => this.subject.disconnect(),
    send: ({ long }) => this.subject.ledger.send(long ? LONG : ''),
    deliver: ({ signal, ttlMs, twin }) => {
      const given = this.#signalOf(signal);
      void this.subject.ledger.deliver({
        twin,
        ...(ttlMs !== null && { ttlMs }),
        ...(given && { signal: given }),
      });
    },
    drained: () => this.subject.pledges.drained(),
    abort: ({ which }) => {
      const [controller] = this.#controllers.splice(which % Math.max(this.#controllers.length, 1), 1);
      if (controller !== undefined) this.subject.abort(controller);
    },
    answer: ({ isGood }) => this.subject.slow.shift()?.(isGood),
    open: () => this.subject.opens(),
    refuse: ({ status }) => this.#refuse(status),
    accept: () => this.subject.accepts(),
    challenge: () => this.#hear({ challenge: true }),
    reject: ({ cure }) => this.#hear({ rejected: cure }),
    talk: () => this.subject.talks(),
    revoke: () => this.#hear({ revoked: true }),
    garbage: ({ frame }) => this.#throwGarbage(frame),
    acknowledge: ({ which }) => this.#acknowledge(String(this.subject.ledger.lastId - which)),
    close: ({ code }) => this.#close(code),
    cut: () => this.#close(1006),
    die: () => {
      if (this.subject.link !== undefined) this.subject.link.isDead = true;
    },
    pong: () => void this.subject.link?.pongs(),
    'half a frame': () => void this.subject.link?.hearsHalf(10),
    stall: () => this.subject.link?.stalls(),
    iterate: () => this.subject.pledges.iterate(),
    next: () => this.subject.pledges.next(),
    return: () => this.subject.pledges.return(),
    later: ({ ms, what }) => this.subject.later(ms, () => this.#laterDeeds[what]()),
    drain: () => void this.subject.link?.drains(),
    offline: () => {
      this.subject.surroundings.online = false;
    },
    online: () => {
      this.subject.surroundings.online = true;
      this.subject.surroundings.tell('network.returned');
    },
    page: () => this.subject.surroundings.tell('page.returned'),
    advance: ({ ms }) => this.subject.clock.advance(ms),
    jump: ({ ms }) => this.subject.clock.jump(ms),
    listen: (command) => this.#listen(command),
    break: ({ part }) => {
      if (!this.#isQuiet) this.subject.broken.add(part);
    },
    mend: ({ part }) => void this.subject.broken.delete(part),
    policy: ({ mood }) => {
      this.subject.decide = (proposal) => this.#verdict(mood, proposal);
    },
  };

  #signalOf(wanted: 'none' | 'aborted' | 'kept'): AbortSignal | undefined {
    if (wanted === 'none') return undefined;
    const controller = new AbortController();
    if (wanted === 'aborted') controller.abort(new Error('aborted before'));
    else this.#controllers.push(controller);
    return controller.signal;
  }

  #hear(content: object): void {
    this.subject.link?.hears(JSON.stringify(content));
  }

  #acknowledge(key: string): void {
    const { broken, connection, ledger, link } = this.subject;
    const isHeard = connection.state === 'open' && link?.isPaused === false && !link.isDead;
    const isUnderstood = !broken.has('decode') && !broken.has('acknowledgedBy');
    if (isHeard && isUnderstood) ledger.acknowledged(key, link);
    this.#hear({ ack: key });
  }

  #close(closeCode: number): void {
    const { link } = this.subject;
    if (link?.stage === 'open' || link?.stage === 'closing') link.ends({ closeCode });
  }

  #refuse(status: number | null): void {
    const { link } = this.subject;
    if (link?.stage !== 'dialling') return;
    link.ends(
      status === null ? { error: new Error('ECONNREFUSED') } : { httpStatus: status, retryAfter: '7' },
    );
  }

  /** On an open session it changes nothing; in a handshake it is nonsense, and the attempt has failed. */
  #throwGarbage(frame: string | Uint8Array): void {
    const { connection, link, wishes } = this.subject;
    const before = connection.state;
    link?.hears(frame);
    const isAsked = this.subject.wishes > wishes;
    if (before !== 'authenticating' && !isAsked && connection.state !== before)
      throw new Error(`a frame that means nothing led from ${before} to ${connection.state}`);
  }

  #listen({ to, and, times }: Doing<'listen'>): void {
    let left = times;

    this.subject.connection.on(to, () => {
      if (left === 0 || this.subject.isMuted) return undefined;
      left -= 1;
      return this.#deeds[and]();
    });
  }

  readonly #laterDeeds: Readonly<Record<Doing<'later'>['what'], () => void>> = {
    disconnect: () => this.subject.disconnect(),
    drain: () => void this.subject.link?.drains(),
    cut: () => this.#close(1006),
  };

  readonly #deeds: Readonly<Record<Doing<'listen'>['and'], () => void | Promise<void>>> = {
    throw: () => {
      if (!this.#isQuiet) throw new Error('a listener threw');
    },
    reject: () => (this.#isQuiet ? undefined : Promise.reject(new Error('a listener rejected'))),
    connect: () => this.subject.connect(),
    disconnect: () => this.subject.disconnect({ inListener: true }),
    send: () => this.subject.ledger.send(),
    deliver: () => void this.subject.ledger.deliver({}),
  };

  #verdict(mood: Doing<'policy'>['mood'], proposal: Verdict): Verdict {
    switch (mood) {
      case 'throw':
        if (this.#isQuiet) return proposal;
        throw new Error('the policy threw');
      case 'nonsense':
        return this.#isQuiet ? proposal : { action: 'retry', delayMs: NaN };
      case 'promise':
        return (this.#isQuiet ? proposal : Promise.resolve(proposal)) as Verdict;
      case 'retry':
        return { action: 'retry', delayMs: 0 };
      case 'never':
        return { action: 'retry', delayMs: Infinity };
      case 'stop':
        return { action: 'stop' };
      case 'wait':
        return { action: 'waitForNetwork' };
      case 'refresh':
        this.#refreshes += 1;
        return this.#refreshes > MAX_REFRESHES ? proposal : { action: 'reauthenticate' };
      case 'connect':
        this.subject.connect();
        return proposal;
      case 'disconnect':
        this.subject.disconnect({ inListener: true });
        return proposal;
      case 'agree':
        return proposal;
    }
  }
}
