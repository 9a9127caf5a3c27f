// One client of a hub, on its way out: what it is sent, and what happens when it takes that more slowly than it comes.
import { controlFrame, type Reply } from '../../channels/wire.ts';
import type { PreparedMessage } from '../realtime/prepared-message.ts';
import type { WebSocketSession } from '../realtime/websocket-session.ts';
import { HIGH_WATER_BYTES, type HubSettings } from './options.ts';
import type { Tally } from './tally.ts';

/** Something for one subscriber or many. */
export interface Outgoing {
  readonly channel: string;
  /** `undefined` for word of who is there. */
  readonly seq: number | undefined;
  readonly message: PreparedMessage;
}

export interface Missed {
  readonly after: number;
  readonly seq: number;
}

export interface MemberOptions {
  readonly session: WebSocketSession;
  readonly settings: HubSettings;
  readonly tally: Tally;
  /** Word of who is in a channel was dropped, and there is room again to tell it anew. */
  readonly onPresenceDropped: (channel: string, member: Member) => void;
}

export class Member {
  readonly session: WebSocketSession;
  readonly channels = new Set<string>();
  readonly #options: MemberOptions;
  #waiting: Outgoing[] = [];
  #waitingBytes = 0;
  #draining: Promise<void> | undefined;
  #verdict: NodeJS.Immediate | undefined;
  #lastReply: Promise<void> | undefined;
  /** What was dropped, by channel, and is to be told before the next message of it. */
  readonly #missed = new Map<string, Missed>();
  readonly #staleChannels = new Set<string>();

  constructor(options: MemberOptions) {
    this.session = options.session;
    this.#options = options;
  }

  get id(): string {
    return this.session.id;
  }

  /** What waits for the client to read; `undefined` when nothing does. Never rejects. */
  get draining(): Promise<void> | undefined {
    return this.#draining;
  }

  /** What is said about requests goes before what waits. */
  reply(reply: Reply): void {
    const sent = this.session.sendText(controlFrame(reply));
    if (this.#isBehind) this.#lastReply = sent;
  }

  /** Resolves when there is room for answers: whoever does not read them is not asked for more. Never rejects. */
  async untilHeard(): Promise<void> {
    const lastReply = this.#lastReply;
    this.#lastReply = undefined;
    await lastReply?.catch(() => undefined);
  }

  send(outgoing: Outgoing): void {
    if (this.#draining !== undefined) this.#wait(outgoing);
    else {
      const sent = this.#write(outgoing);
      if (this.#isBehind) this.#draining = this.#drain(sent);
    }
  }

  /** Messages of a channel that this one does not get. */
  miss(channel: string, { after, seq }: Missed): void {
    this.#options.tally.gaps += 1;
    this.reply({ action: 'gap', channel, after, seq });
  }

  /** Nothing of a channel that waits is sent any more. */
  forget(channel: string): void {
    this.#missed.delete(channel);
    this.#staleChannels.delete(channel);
    this.#waiting = this.#waiting.filter((outgoing) => outgoing.channel !== channel);
    this.#waitingBytes = this.#waiting.reduce((bytes, { message }) => bytes + message.byteLength, 0);
  }

  /** It comes back, and gets what it misses now. */
  disconnect(reason: string): void {
    this.#clear();
    void this.session.close(1013, reason);
  }

  get #isBehind(): boolean {
    return this.session.bufferedAmount > HIGH_WATER_BYTES;
  }

  get #isOver(): boolean {
    const { maxWaitingMessages, maxWaitingBytes } = this.#options.settings.limits;
    return this.#waiting.length > maxWaitingMessages || this.#waitingBytes > maxWaitingBytes;
  }

  #write({ message }: Outgoing): Promise<void> {
    this.#options.tally.delivered += 1;
    return this.session.send(message);
  }

  /** The socket has something left to do: what comes meanwhile waits here, where it can be counted and dropped. */
  async #drain(sent: Promise<void>): Promise<void> {
    try {
      await sent;
      for (let next = this.#next(); next !== undefined; next = this.#next()) {
        const written = this.#write(next);
        if (this.#isBehind) await written;
      }
    } catch {
      // The session has ended; whoever was subscribed comes back for what it missed.
      this.#clear();
    }
    this.#draining = undefined;
    this.#tellWhatWasDropped();
  }

  #next(): Outgoing | undefined {
    const next = this.#waiting.shift();
    if (next === undefined) return undefined;
    this.#waitingBytes -= next.message.byteLength;
    if (next.seq !== undefined) this.#tellMissed(next.channel);
    return next;
  }

  #wait(outgoing: Outgoing): void {
    this.#waiting.push(outgoing);
    this.#waitingBytes += outgoing.message.byteLength;
    // What comes in one go is no sign of slowness: the operating system is asked first whether it takes it.
    if (this.#isOver) this.#verdict ??= setImmediate(() => this.#judge());
  }

  #judge(): void {
    this.#verdict = undefined;
    const { settings, tally } = this.#options;
    if (settings.slowConsumers === 'drop-oldest') while (this.#isOver) this.#dropOldest();
    else if (this.#isOver) {
      tally.slow += 1;
      this.disconnect('Too slow to follow');
    }
  }

  #dropOldest(): void {
    const dropped = this.#waiting.shift();
    if (dropped === undefined) return;
    const { channel, seq, message } = dropped;
    this.#waitingBytes -= message.byteLength;
    if (seq === undefined) {
      this.#staleChannels.add(channel);
      return;
    }
    this.#options.tally.dropped += 1;
    this.#missed.set(channel, { after: this.#missed.get(channel)?.after ?? seq - 1, seq });
  }

  #tellMissed(channel: string): void {
    const missed = this.#missed.get(channel);
    if (missed === undefined) return;
    this.#missed.delete(channel);
    this.miss(channel, missed);
  }

  #tellWhatWasDropped(): void {
    for (const channel of this.#missed.keys()) this.#tellMissed(channel);
    const stale = [...this.#staleChannels];
    this.#staleChannels.clear();
    for (const channel of stale) this.#options.onPresenceDropped(channel, this);
  }

  #clear(): void {
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#missed.clear();
    this.#staleChannels.clear();
  }
}
