// A link that lives is never given up, whatever its rhythm and however long we slept; one that died silently is given
// up in time. Random traffic over a link of memory, in virtual time.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { holds, runs } from '../support/hold.ts';
import type { MemoryLink } from '../support/memory-transport.ts';
import { Subject } from '../support/subject.ts';
import { kindOf } from '../support/talk-protocol.ts';

const TICK_MS = 250;
const OPENED = ['connecting CONNECT_CALLED', 'authenticating CONNECT_CALLED', 'open HANDSHAKE_ACCEPTED'];

/** One thing that happens on a healthy link. */
type Happening =
  | { readonly is: 'nothing'; readonly forMs: number }
  | { readonly is: 'a frame' | 'half a frame' | 'page' | 'network' }
  | { readonly is: 'a nap'; readonly ofMs: number };

interface Rhythm {
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly silenceMs: number | undefined;
  readonly latencyMs: number;
  readonly probe: 'ping' | 'frame';
  readonly when: 'whenQuiet' | 'always';
}

const rhythm: fc.Arbitrary<Rhythm> = fc
  .record({
    intervalMs: fc.integer({ min: 1_000, max: 40_000 }),
    timeoutMs: fc.integer({ min: 3_000, max: 10_000 }),
    hasSilence: fc.boolean(),
    latencyMs: fc.nat(2_000),
    probe: fc.constantFrom('ping', 'frame'),
    when: fc.constantFrom('whenQuiet', 'always'),
  })
  .map(({ hasSilence, ...given }) => ({
    ...given,
    silenceMs: hasSilence ? given.intervalMs + 3_000 : undefined,
  }));

const happenings: fc.Arbitrary<readonly Happening[]> = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ is: fc.constant('nothing'), forMs: fc.nat(60_000) }) },
    {
      weight: 3,
      arbitrary: fc.record({ is: fc.constantFrom('a frame', 'half a frame', 'page', 'network') }),
    },
    { weight: 1, arbitrary: fc.record({ is: fc.constant('a nap'), ofMs: fc.nat(3_600_000) }) },
  ),
  { maxLength: 15, size: 'max' },
);

/** A server that answers every probe, a little later. */
class Peer {
  readonly #subject: Subject;
  readonly #link: MemoryLink;
  readonly #latencyMs: number;
  readonly #askedAt: number[] = [];
  #looked = 0;
  /** When it was last heard of. */
  heardAt: number;
  /** Whether a part of a frame came in since then. */
  hasMoved = false;

  constructor(subject: Subject, link: MemoryLink, latencyMs: number) {
    this.#subject = subject;
    this.#link = link;
    this.#latencyMs = latencyMs;
    this.heardAt = subject.clock.now();
  }

  /** Takes what was sent, and answers what is due. */
  answer(): void {
    const now = this.#subject.clock.now();
    this.#link.drains();
    for (const act of this.#link.acts.slice(this.#looked)) {
      if (act.kind === 'ping' || (act.kind === 'send' && kindOf(act.frame) === 'probe'))
        this.#askedAt.push(now);
    }
    this.#looked = this.#link.acts.length;
    while ((this.#askedAt[0] ?? Infinity) + this.#latencyMs <= now) {
      this.#askedAt.shift();
      if (this.#subject.settings.probe === 'ping') this.#heard(this.#link.pongs());
      else this.talk();
    }
  }

  talk(): void {
    const before = this.#link.bytesIn;
    this.#subject.talks();
    this.#heard(this.#link.bytesIn > before);
  }

  talkHalf(): void {
    this.hasMoved = this.#link.hearsHalf(1);
  }

  #heard(isHeard: boolean): void {
    if (!isHeard) return;
    this.heardAt = this.#subject.clock.now();
    this.hasMoved = false;
  }
}

async function pass(subject: Subject, peer: Peer, forMs: number): Promise<void> {
  for (let leftMs = forMs; leftMs > 0; leftMs -= TICK_MS) {
    subject.clock.advance(Math.min(TICK_MS, leftMs));
    peer.answer();
  }
  await subject.run(() => undefined);
}

async function happen(subject: Subject, peer: Peer, what: Happening): Promise<void> {
  if (what.is === 'nothing') await pass(subject, peer, what.forMs);
  else if (what.is === 'a nap') subject.clock.jump(what.ofMs);
  else if (what.is === 'a frame') peer.talk();
  else if (what.is === 'half a frame') peer.talkHalf();
  else subject.surroundings.tell(`${what.is}.returned`);
  peer.answer();
}

async function alive({ intervalMs, timeoutMs, silenceMs, latencyMs, probe, when }: Rhythm) {
  const heartbeat = { intervalMs, timeoutMs, ...(silenceMs !== undefined && { silenceMs }) };
  const subject = new Subject({ probe, when, heartbeat });
  await subject.run(() => subject.establish());
  const link = subject.link!;
  return { subject, link, peer: new Peer(subject, link, latencyMs) };
}

const words = ([given, row]: readonly [Rhythm, readonly Happening[]]) =>
  [given, ...row].map((item) => JSON.stringify(item)).join('\n');

test('a link that lives is kept, and one that died is noticed in time', { timeout: 600_000 }, () =>
  holds(
    fc.asyncProperty(rhythm, happenings, async (given, row) => {
      const { subject, link, peer } = await alive(given);
      for (const what of row) {
        await happen(subject, peer, what);
        expect({ state: subject.connection.state, after: what }).toEqual({ state: 'open', after: what });
      }

      link.isDead = true;
      const { intervalMs, timeoutMs, silenceMs = intervalMs + timeoutMs } = given;
      const { clock } = subject;
      // A question that was asked for another reason than silence has its whole time; bytes that moved, once more.
      const deadline =
        Math.max(peer.heardAt + silenceMs, clock.now() + timeoutMs) + (peer.hasMoved ? timeoutMs : 0);
      clock.advance(deadline - clock.now() + TICK_MS);
      const reasons = subject.changes.map(({ state, reason }) => `${state} ${reason}`);
      expect(reasons.slice(0, 4)).toEqual([...OPENED, 'reconnecting HEARTBEAT_TIMEOUT']);
      await subject.run(() => undefined);
      await subject.finish();
    }),
    runs(300, 3_000),
    words,
  ),
);
