// The books of every message that was ever given to a connection: how it was sent, and what became of it.
import { DeliveryError, type DeliverOptions } from '../../src/index.ts';
import type { MemoryLink, MemoryTransport } from './memory-transport.ts';
import { kindOf, talkOf, type Talk } from './talk-protocol.ts';

/** What was said of a message: taken by `send()`, or refused by it, or the outcome of `deliver()`. */
type Said =
  'pending' | 'taken' | 'refused' | 'flushed' | 'acknowledged' | 'cancelled' | DeliveryError['code'];

interface Entry {
  readonly id: number;
  /** What the server acknowledges it by. */
  readonly key: string | undefined;
  /** When it must not be sent any more. */
  readonly expiresAt: number;
  said: Said;
  drops: number;
  /** Why it was dropped. */
  dropCode: string | undefined;
  /** Whether the connection was ended while it was open, so that this message had to be sent first. */
  mustLeave: boolean;
  /** Whether the server has acknowledged it. */
  isAcknowledged: boolean;
  /** How often it was on a wire when its outcome was told. */
  sentBefore: number | undefined;
}

interface Sender {
  send(message: Talk): boolean;
  deliver(message: Talk, options?: DeliverOptions): Promise<{ readonly outcome: 'flushed' | 'acknowledged' }>;
}

/** What holds for all messages. */
interface Terms {
  readonly acknowledges: boolean;
  readonly ttlMs: number;
  readonly now: () => number;
}

/** With each of these a user may send the message again: it must not have left. */
const NEVER_SENT: readonly Said[] = [
  ...(['refused', 'cancelled', 'OUTBOX_FULL', 'MESSAGE_DROPPED'] as const),
  ...(['MESSAGE_EXPIRED', 'MESSAGE_UNDELIVERED'] as const),
];

export class Ledger {
  readonly #entries: Entry[] = [];
  readonly #sender: Sender;
  readonly #transport: MemoryTransport;
  readonly #terms: Terms;

  constructor(sender: Sender, transport: MemoryTransport, terms: Terms) {
    this.#sender = sender;
    this.#transport = transport;
    this.#terms = terms;
  }

  get lastId(): number {
    return this.#entries.length - 1;
  }

  send(text = ''): void {
    const entry = this.#open(undefined);
    try {
      this.#sender.send(messageOf(entry.id, text));
      entry.said = 'taken';
    } catch {
      this.#close(entry, 'refused');
    }
  }

  /** `twin`: with the same key as the message before, as when a user tries again. */
  async deliver(
    options: DeliverOptions & { readonly twin?: boolean; readonly text?: string },
  ): Promise<void> {
    const { twin = false, text = '', ...given } = options;
    const key = String(this.#entries.length - (twin ? 1 : 0));
    const entry = this.#open(this.#terms.acknowledges ? key : undefined, given.ttlMs);
    try {
      const { outcome } = await this.#sender.deliver(messageOf(entry.id, text, key), given);
      this.#close(entry, outcome);
    } catch (thrown) {
      if (thrown instanceof DeliveryError) this.#close(entry, thrown.code);
      else this.#close(entry, given.signal?.aborted === true ? 'cancelled' : 'refused');
    }
  }

  /** The connection is about to be ended while it is open: everything that waits is to be sent first. */
  expectFlush(): void {
    for (const entry of this.#entries) {
      if (entry.said === 'pending' || (entry.said === 'taken' && entry.drops === 0)) entry.mustLeave = true;
    }
  }

  /** The server says on this link that it has what came on it with this key. */
  acknowledged(key: string, link: MemoryLink): void {
    const ids = new Set(link.frames.map((frame) => talkOf(frame).talk));
    for (const entry of this.#entries) {
      if (entry.key === key && entry.said === 'pending' && ids.has(entry.id)) entry.isAcknowledged = true;
    }
  }

  dropped({ talk }: Talk, code: string): void {
    const entry = this.#entries[talk ?? -1];
    if (entry === undefined) throw new Error(`A message was dropped that was never sent: ${String(talk)}`);
    entry.drops += 1;
    entry.dropCode = code;
  }

  /** Everything that is wrong now. `hasEnded`: the connection has, so that nothing is undecided any more. */
  complaints(hasEnded: boolean): string[] {
    const wires = this.#transport.links.map(sendingsOn);
    const sendings = new Map<number, Sending[]>();
    for (const sending of wires.flat())
      sendings.set(sending.id, [...(sendings.get(sending.id) ?? []), sending]);
    return [
      ...wires.filter((sent) => !isIncreasing(sent)).map((sent) => `out of order: ${JSON.stringify(sent)}`),
      ...this.#entries.flatMap((entry) => complaintsAbout(entry, sendings.get(entry.id) ?? [], hasEnded)),
    ];
  }

  /** What became of each message, for comparing two runs. */
  get outcomes(): readonly string[] {
    return this.#entries.map(({ id, said, drops }) => `${id}: ${said}${drops > 0 ? ', dropped' : ''}`);
  }

  #open(key: string | undefined, ttlMs = this.#terms.ttlMs): Entry {
    const id = this.#entries.length;
    // With 0 it may be sent at once, and expires when the loop turns.
    const expiresAt = ttlMs === 0 ? Infinity : this.#terms.now() + ttlMs;
    const entry: Entry = {
      ...{ id, key, expiresAt, said: 'pending', drops: 0, dropCode: undefined },
      ...{ mustLeave: false, isAcknowledged: false, sentBefore: undefined },
    };
    this.#entries.push(entry);
    return entry;
  }

  #close(entry: Entry, said: Said): void {
    entry.said = said;
    const frames = this.#transport.links.flatMap((link) => link.frames);
    entry.sentBefore = frames.filter((frame) => talkOf(frame).talk === entry.id).length;
  }
}

const messageOf = (talk: number, text: string, key?: string): Talk & { text?: string } => ({
  talk,
  ...(key !== undefined && { key }),
  ...(text !== '' && { text }),
});

/** A message on a wire. */
interface Sending {
  readonly id: number;
  readonly at: number;
}

const sendingsOn = ({ acts }: MemoryLink): Sending[] =>
  acts.flatMap((act) =>
    act.kind === 'send' && kindOf(act.frame) === 'talk'
      ? [{ id: Number(talkOf(act.frame).talk), at: act.at }]
      : [],
  );

const isIncreasing = (sent: readonly Sending[]) =>
  sent.every(({ id }, index) => index === 0 || id > Number(sent[index - 1]?.id));

function complaintsAbout(entry: Entry, sendings: readonly Sending[], hasEnded: boolean): string[] {
  const sent = sendings.length;
  const { id, said, drops, dropCode, mustLeave, sentBefore, key, isAcknowledged } = entry;
  const what = `message ${id} (${said}${drops > 0 ? ', dropped' : ''}, sent ${sent} times)`;
  const wrong: readonly (readonly [boolean, string])[] = [
    [sent > 1 && key === undefined, 'was sent twice'],
    [sendings.some(({ at }) => at > entry.expiresAt), 'was sent after its time'],
    [drops > 1 || (drops > 0 && said !== 'taken'), 'was told of twice'],
    [sent > 0 && (drops > 0 || NEVER_SENT.includes(said)), 'was sent, against what was said'],
    [sentBefore !== undefined && sent > sentBefore, 'was sent after its outcome'],
    [sent === 0 && ['flushed', 'acknowledged', 'DELIVERY_UNKNOWN'].includes(said), 'was never sent'],
    [mustLeave && [said, dropCode].includes('MESSAGE_UNDELIVERED'), 'was not sent before the farewell'],
    [isAcknowledged && said === 'pending', 'was acknowledged'],
    [hasEnded && said === 'pending', 'never had an outcome'],
    [hasEnded && said === 'taken' && sent + drops === 0, 'was lost silently'],
  ];
  return wrong.flatMap(([isWrong, text]) => (isWrong ? [`${what} ${text}`] : []));
}
