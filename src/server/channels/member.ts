// One client of a hub, on its way out: what it is sent, and what happens when it takes that more slowly than it comes.
import { controlFrame, type Reply } from '../../channels/wire.ts';
import type { PreparedMessage } from '../realtime/prepared-message.ts';
import type { WebSocketSession } from '../realtime/websocket-session.ts';
import type { HubSettings } from './options.ts';
import type { Tally } from './tally.ts';

/** A message for one subscriber or many. */
export interface Outgoing {
  readonly channel: string;
  readonly seq: number;
  readonly message: PreparedMessage;
}

interface Missed {
  readonly after: number;
  seq: number;
}

export class Member {
  readonly session: WebSocketSession;
  readonly channels = new Set<string>();
  readonly #settings: HubSettings;
  readonly #tally: Tally;
  #waiting: Outgoing[] = [];
  #waitingBytes = 0;
  #isBusy = false;
  /** What was dropped, by channel, and is to be told before the next message of it. */
  readonly #missed = new Map<string, Missed>();

  constructor(session: WebSocketSession, settings: HubSettings, tally: Tally) {
    this.session = session;
    this.#settings = settings;
    this.#tally = tally;
  }

  get id(): string {
    return this.session.id;
  }

  /** What is said about requests goes before what waits. */
  reply(reply: Reply): void {
    void this.session.sendText(controlFrame(reply));
  }

  send(outgoing: Outgoing): void {
    if (this.#isBusy) {
      this.#wait(outgoing);
      return;
    }
    this.#tally.delivered += 1;
    const sent = this.session.send(outgoing.message);
    if (this.session.bufferedAmount > 0) void this.#after(sent);
  }

  /** Messages of a channel that this one does not get. */
  miss(channel: string, { after, seq }: Missed): void {
    this.#tally.gaps += 1;
    this.reply({ action: 'gap', channel, after, seq });
  }

  forget(channel: string): void {
    this.channels.delete(channel);
    this.#missed.delete(channel);
    const kept = this.#waiting.filter((outgoing) => outgoing.channel !== channel);
    this.#waitingBytes -= sum(this.#waiting) - sum(kept);
    this.#waiting = kept;
  }

  /** The socket has something left to do: what comes meanwhile waits here, where it can be counted and dropped. */
  async #after(sent: Promise<void>): Promise<void> {
    this.#isBusy = true;
    try {
      await sent;
      for (let next = this.#next(); next !== undefined; next = this.#next()) {
        this.#tally.delivered += 1;
        await this.session.send(next.message);
      }
    } catch {
      // The session has ended; whoever was subscribed comes back for what it missed.
      this.#waiting = [];
    } finally {
      this.#isBusy = false;
    }
  }

  #next(): Outgoing | undefined {
    const next = this.#waiting.shift();
    if (next === undefined) return undefined;
    this.#waitingBytes -= next.message.byteLength;
    const missed = this.#missed.get(next.channel);
    this.#missed.delete(next.channel);
    if (missed !== undefined) this.miss(next.channel, missed);
    return next;
  }

  #wait(outgoing: Outgoing): void {
    const { limits, slowConsumers } = this.#settings;
    this.#waiting.push(outgoing);
    this.#waitingBytes += outgoing.message.byteLength;
    while (this.#waiting.length > limits.maxWaitingMessages || this.#waitingBytes > limits.maxWaitingBytes) {
      if (slowConsumers === 'disconnect') {
        this.#tally.slow += 1;
        this.#waiting = [];
        this.#waitingBytes = 0;
        void this.session.close(1013, 'Too slow to follow');
        return;
      }
      if (!this.#dropOldest()) return;
    }
  }

  #dropOldest(): boolean {
    const dropped = this.#waiting.shift();
    if (dropped === undefined) return false;
    const { channel, seq, message } = dropped;
    this.#waitingBytes -= message.byteLength;
    this.#tally.dropped += 1;
    const missed = this.#missed.get(channel);
    if (missed === undefined) this.#missed.set(channel, { after: seq - 1, seq });
    else missed.seq = seq;
    return true;
  }
}

const sum = (waiting: readonly Outgoing[]): number =>
  waiting.reduce((bytes, { message }) => bytes + message.byteLength, 0);
