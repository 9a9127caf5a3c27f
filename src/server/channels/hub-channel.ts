// One channel of a hub: its subscribers, and the place where the messages of the broker become frames, once for all.
import { frameAround } from '../../channels/wire.ts';
import { PreparedMessage } from '../realtime/prepared-message.ts';
import type { Broker, Following, StoredMessage } from './broker.ts';
import type { Member, Outgoing } from './member.ts';
import type { HubSettings } from './options.ts';
import type { Tally } from './tally.ts';

export interface HubChannelOptions {
  readonly name: string;
  readonly broker: Broker;
  readonly settings: HubSettings;
  readonly tally: Tally;
  /** The broker cannot say any more what comes: all who are subscribed must ask anew. */
  readonly onLost: (channel: HubChannel, reason: string) => void;
}

/** From where on somebody wants the messages. */
export interface From {
  readonly after: number;
  readonly epoch: string;
}

/** A subscriber; until it has been told where it begins, what comes waits. */
interface Seat {
  readonly member: Member;
  pending: StoredMessage[] | undefined;
}

export class HubChannel {
  readonly name: string;
  readonly #options: HubChannelOptions;
  readonly #seats = new Map<Member, Seat>();
  readonly #following: Promise<Following>;
  #followed: Following | undefined;
  #position = 0;

  constructor(options: HubChannelOptions) {
    this.name = options.name;
    this.#options = options;
    this.#following = options.broker.follow(options.name, {
      onMessage: (message) => this.#hear(message),
      onLost: (reason) => options.onLost(this, reason),
    });
    this.#following.then(
      (following) => (this.#followed = following),
      () => undefined,
    );
  }

  get members(): readonly Member[] {
    return [...this.#seats.keys()];
  }

  has(member: Member): boolean {
    return this.#seats.has(member);
  }

  /**
   * Takes a seat, tells the subscriber so, and gives it what it missed before what comes.
   *
   * @throws what the broker rejects with
   */
  async join(member: Member, from: From | undefined): Promise<void> {
    const isKnown = this.#seats.has(member);
    const seat = this.#seats.get(member) ?? { member, pending: [] };
    this.#seats.set(member, seat);
    member.channels.add(this.name);
    const { epoch, position } = this.#followed ?? (await this.#following);
    this.#position = Math.max(this.#position, position);
    // Who is here already may have messages before it that are on their way: a number would declare them read.
    if (isKnown) member.reply({ action: 'subscribed', channel: this.name, epoch });
    else if (from === undefined) this.#begin(seat, epoch);
    else await this.#catchUp(seat, from, epoch);
  }

  leave(member: Member): void {
    this.#seats.delete(member);
    member.forget(this.name);
  }

  get isEmpty(): boolean {
    return this.#seats.size === 0;
  }

  async close(): Promise<void> {
    const following = await this.#following.catch(() => undefined);
    await following?.stop();
  }

  #begin(seat: Seat, epoch: string): void {
    const [first] = seat.pending ?? [];
    const seq = first === undefined ? this.#position : first.seq - 1;
    seat.member.reply({ action: 'subscribed', channel: this.name, seq, epoch });
    this.#giveWhatWaits(seat, seq);
  }

  async #catchUp(seat: Seat, from: From, epoch: string): Promise<void> {
    const { broker, tally } = this.#options;
    const { member } = seat;
    const head = this.#position;
    const after = from.epoch === epoch && from.after <= head ? from.after : undefined;
    const { messages, isComplete } = await broker.replay(this.name, { after: after ?? 0, upTo: head });
    const recovered = after !== undefined && isComplete;
    const start = recovered ? after : (messages[0]?.seq ?? head + 1) - 1;
    member.reply({ action: 'subscribed', channel: this.name, seq: start, epoch, recovered });
    if (!recovered) member.miss(this.name, { after: from.after, seq: start });
    tally.replayed += messages.length;
    for (const message of messages) this.#give(seat, message);
    this.#giveWhatWaits(seat, head);
  }

  /** What came while the subscriber was not ready for it; from then on it gets everything at once. */
  #giveWhatWaits(seat: Seat, after: number): void {
    const pending = seat.pending ?? [];
    seat.pending = undefined;
    for (const message of pending) if (message.seq > after) this.#give(seat, message);
  }

  #hear(message: StoredMessage): void {
    this.#position = message.seq;
    let outgoing: Outgoing | undefined;
    for (const seat of this.#seats.values()) {
      if (seat.pending !== undefined) seat.pending.push(message);
      else if (this.#isFor(seat.member, message)) {
        outgoing ??= this.#prepare(message);
        seat.member.send(outgoing);
      }
    }
  }

  #give({ member }: Seat, message: StoredMessage): void {
    if (this.#isFor(member, message)) member.send(this.#prepare(message));
  }

  #isFor(member: Member, { publisher }: StoredMessage): boolean {
    return this.#options.settings.echo || publisher !== member.id;
  }

  #prepare({ seq, payload, messageId }: StoredMessage): Outgoing {
    const text = frameAround(this.name, payload, { seq, message_id: messageId });
    return { channel: this.name, seq, message: new PreparedMessage(text) };
  }
}
