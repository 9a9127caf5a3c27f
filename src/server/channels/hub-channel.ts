// One channel of a hub: its subscribers, and the place where the messages of the broker become frames, once for all.
import { frameAround } from '../../channels/wire.ts';
import { PreparedMessage } from '../realtime/prepared-message.ts';
import type { Broker, Following, StoredMessage } from './broker.ts';
import type { Member, Outgoing } from './member.ts';
import type { Tally } from './tally.ts';

export interface HubChannelOptions {
  readonly name: string;
  readonly broker: Broker;
  readonly echo: boolean;
  readonly tally: Tally;
  /** It cannot be followed; whoever asks later may have more luck. */
  readonly onUnavailable: (channel: HubChannel) => void;
  /** The broker cannot say any more what comes: all who are subscribed must ask anew. */
  readonly onLost: (channel: HubChannel, reason: string) => void;
  /** A subscriber cannot be given what it missed. */
  readonly onReplayFailed: (member: Member, thrown: unknown) => void;
}

/** From where on somebody wants the messages. */
export interface From {
  readonly after: number;
  readonly epoch: string;
}

/** A subscriber. As long as it is given what it missed, what comes is left to be read from the history. */
interface Seat {
  readonly member: Member;
  isLive: boolean;
  /** The last message that it needs no more. */
  after: number;
}

/** What a subscriber is given first. */
interface Beginning {
  readonly start: number;
  /** How far the messages reach. */
  readonly head: number;
  readonly messages: readonly StoredMessage[];
  /** What it never gets; `undefined` when nothing is missing. */
  readonly missedAfter?: number;
}

export class HubChannel {
  readonly name: string;
  readonly #options: HubChannelOptions;
  readonly #seats = new Map<Member, Seat>();
  readonly #following: Promise<Following>;
  #position = 0;

  constructor(options: HubChannelOptions) {
    this.name = options.name;
    this.#options = options;
    this.#following = this.#follow();
    this.#following.catch(() => options.onUnavailable(this));
  }

  get members(): readonly Member[] {
    return [...this.#seats.keys()];
  }

  get size(): number {
    return this.#seats.size;
  }

  has(member: Member): boolean {
    return this.#seats.has(member);
  }

  /**
   * Takes a seat and tells the subscriber so. With `from`, it then gets what came since; resolves when that has begun.
   *
   * @throws what the broker rejects with
   */
  async join(member: Member, from: From | undefined): Promise<void> {
    const isKnown = this.#seats.has(member);
    const seat = isKnown && from === undefined ? undefined : this.#takeSeat(member);
    const { epoch } = await this.#following;
    if (seat === undefined)
      member.reply({ action: 'subscribed', channel: this.name, ...this.#saidTo(member), epoch });
    else if (from === undefined) {
      const seq = this.#goLive(seat, this.#position);
      member.reply({ action: 'subscribed', channel: this.name, seq, epoch });
    } else await this.#resume(seat, from, epoch);
  }

  leave(member: Member): void {
    this.#seats.delete(member);
    member.channels.delete(this.name);
    member.forget(this.name);
  }

  /** Gives something to all subscribers. */
  announce(outgoing: Outgoing, except?: Member): void {
    for (const member of this.#seats.keys()) if (member !== except) member.send(outgoing);
  }

  async close(): Promise<void> {
    const following = await this.#following.catch(() => undefined);
    await following?.stop();
  }

  async #follow(): Promise<Following> {
    const { broker, onLost } = this.#options;
    const following = await broker.follow(this.name, {
      onMessage: (message) => this.#hear(message),
      onLost: (reason) => onLost(this, reason),
    });
    this.#position = Math.max(this.#position, following.position);
    return following;
  }

  /** Who is here already may have messages that wait, and come after the answer: a number would declare them read. */
  #saidTo(member: Member): { seq?: number } {
    const isLive = this.#seats.get(member)?.isLive === true && member.draining === undefined;
    return isLive ? { seq: this.#position } : {};
  }

  #takeSeat(member: Member): Seat {
    const seat: Seat = { member, isLive: false, after: 0 };
    member.forget(this.name);
    member.channels.add(this.name);
    this.#seats.set(member, seat);
    return seat;
  }

  #goLive(seat: Seat, after: number): number {
    seat.after = after;
    seat.isLive = true;
    return after;
  }

  /** Whether a seat is still wanted. */
  #isTaken(seat: Seat): boolean {
    return this.#seats.get(seat.member) === seat && seat.member.session.isOpen;
  }

  async #resume(seat: Seat, from: From, epoch: string): Promise<void> {
    const { member } = seat;
    const { start, head, messages, missedAfter } = await this.#beginningFrom(from, epoch);
    if (!this.#isTaken(seat)) return;
    const recovered = missedAfter === undefined;
    member.reply({ action: 'subscribed', channel: this.name, seq: start, epoch, recovered });
    if (!recovered) member.miss(this.name, { after: missedAfter, seq: start });
    void this.#catchUp(seat, messages, head).catch((thrown: unknown) => {
      if (this.#isTaken(seat)) this.#options.onReplayFailed(member, thrown);
    });
  }

  async #beginningFrom(from: From, epoch: string): Promise<Beginning> {
    const { broker } = this.#options;
    const head = this.#position;
    const isComparable = from.epoch === epoch;
    if (isComparable && from.after > head && (await this.#exists(from.after)))
      return { start: from.after, head: from.after, messages: [] };
    const after = isComparable && from.after <= head ? from.after : undefined;
    const { messages, isComplete } = await broker.replay(this.name, { after: after ?? 0, upTo: head });
    if (after !== undefined && isComplete) return { start: after, head, messages };
    return { start: startOf(messages, head), head, messages, missedAfter: after ?? 0 };
  }

  /** Another hub may have handed on a message of which we have not heard yet. */
  async #exists(seq: number): Promise<boolean> {
    const range = { after: seq - 1, upTo: seq };
    const { messages } = await this.#options.broker.replay(this.name, range);
    return messages.length > 0;
  }

  /**
   * No faster than the subscriber reads: until it has caught up, the history is what holds its messages, and nothing waits
   * for it here.
   */
  async #catchUp(seat: Seat, first: readonly StoredMessage[], firstHead: number): Promise<void> {
    const { broker } = this.#options;
    let messages = first;
    let head = firstHead;
    await this.#give(seat, messages);
    while (this.#isTaken(seat) && head < this.#position) {
      const range = { after: head, upTo: this.#position };
      const replay = await broker.replay(this.name, range);
      if (!this.#isTaken(seat)) return;
      ({ messages } = replay);
      head = range.upTo;
      if (!replay.isComplete)
        seat.member.miss(this.name, { after: range.after, seq: startOf(messages, head) });
      await this.#give(seat, messages);
    }
    this.#goLive(seat, head);
  }

  async #give(seat: Seat, messages: readonly StoredMessage[]): Promise<void> {
    const { member } = seat;
    for (const message of messages) {
      if (!this.#isTaken(seat)) return;
      if (!this.#isFor(member, message)) continue;
      this.#options.tally.replayed += 1;
      member.send(this.#prepare(message));
      if (member.draining !== undefined) await member.draining;
    }
  }

  #hear(message: StoredMessage): void {
    this.#position = message.seq;
    let outgoing: Outgoing | undefined;
    for (const seat of this.#seats.values()) {
      if (!seat.isLive || message.seq <= seat.after || !this.#isFor(seat.member, message)) continue;
      outgoing ??= this.#prepare(message);
      seat.member.send(outgoing);
    }
  }

  #isFor(member: Member, { publisher }: StoredMessage): boolean {
    return this.#options.echo || publisher !== member.id;
  }

  #prepare({ seq, payload, messageId }: StoredMessage): Outgoing {
    const text = frameAround(this.name, payload, { seq, message_id: messageId });
    return { channel: this.name, seq, message: new PreparedMessage(text) };
  }
}

/** The number before the first of what there is. */
const startOf = ([first]: readonly StoredMessage[], head: number): number =>
  first === undefined ? head : first.seq - 1;
