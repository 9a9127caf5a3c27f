// What hubs tell each other of their members, by signals that may be lost: each one is numbered, whoever misses one asks
// for all, and a hub that is silent is taken for dead.
import type { Member as Shown } from '../../channels/wire.ts';
import type { Clock } from '../../clock.ts';
import type { Broker } from './broker.ts';
import type { Herald, Presence } from './presence.ts';

/** `count` is the number of changes that its hub has told. */
type Signal =
  | {
      readonly type: 'join';
      readonly hub: string;
      readonly count: number;
      readonly channel: string;
      readonly member: Shown;
    }
  | {
      readonly type: 'leave';
      readonly hub: string;
      readonly count: number;
      readonly channel: string;
      readonly id: string;
    }
  | { readonly type: 'alive'; readonly hub: string; readonly count: number }
  | {
      readonly type: 'all';
      readonly hub: string;
      readonly count: number;
      readonly part: number;
      readonly isLast: boolean;
      readonly members: readonly Entry[];
    }
  /** Whose members are wanted: of one hub, or, for who is new, of all. */
  | { readonly type: 'ask'; readonly hub: string; readonly of: string | null }
  | { readonly type: 'bye'; readonly hub: string };

type Entry = readonly [channel: string, member: Shown];

interface Peer {
  /** Changes that were heard of; `undefined` when some were missed. */
  count: number | undefined;
  heardAtMs: number;
  /** While all its members are being told: the next part, and those that were not among them yet. */
  telling: { part: number; readonly unconfirmed: Set<string> } | undefined;
}

const TOPIC = 'presence';
/** Between signs of life; a hub that gives none for the second time is dead. */
const ALIVE_MS = 5_000;
const DEAD_MS = 16_000;
/** Members in one signal. */
const MEMBERS_PER_PART = 200;

export interface PresencePeersOptions {
  readonly hub: string;
  readonly broker: Broker;
  readonly clock: Clock;
  readonly presence: Presence;
  readonly onFailed: (thrown: unknown) => void;
}

export class PresencePeers implements Herald {
  readonly #options: PresencePeersOptions;
  readonly #peers = new Map<string, Peer>();
  readonly #stopListening: (() => void) | undefined;
  #count = 0;
  #timer: unknown;
  #toldAtMs = -Infinity;

  constructor(options: PresencePeersOptions) {
    const { broker, hub } = options;
    this.#options = options;
    this.#stopListening = broker.onSignal?.(TOPIC, (text) => this.#hear(text));
    this.#signal({ type: 'ask', hub, of: null });
    this.#rest();
  }

  joined(channel: string, member: Shown): void {
    this.#count += 1;
    this.#signal({ type: 'join', hub: this.#options.hub, count: this.#count, channel, member });
  }

  left(channel: string, id: string): void {
    this.#count += 1;
    this.#signal({ type: 'leave', hub: this.#options.hub, count: this.#count, channel, id });
  }

  close(): void {
    const { clock, hub } = this.#options;
    this.#signal({ type: 'bye', hub });
    clock.clearTimeout(this.#timer);
    this.#stopListening?.();
  }

  #rest(): void {
    this.#timer = this.#options.clock.setTimeout(() => {
      this.#signal({ type: 'alive', hub: this.#options.hub, count: this.#count });
      this.#buryTheDead();
      this.#rest();
    }, ALIVE_MS);
  }

  #buryTheDead(): void {
    const nowMs = this.#options.clock.now();
    for (const [hub, { heardAtMs }] of this.#peers) if (nowMs - heardAtMs > DEAD_MS) this.#forget(hub);
  }

  #forget(hub: string): void {
    this.#peers.delete(hub);
    this.#removeAll(this.#options.presence.membersOf(hub));
  }

  #removeAll(members: Iterable<Entry>): void {
    for (const [channel, ids] of byChannel(members, ({ id }) => id))
      this.#options.presence.remove(channel, ids);
  }

  #signal(signal: Signal): void {
    try {
      this.#options.broker.signal?.(TOPIC, JSON.stringify(signal));
    } catch (thrown) {
      // The next sign of life tells the others what they missed.
      this.#options.onFailed(thrown);
    }
  }

  #hear(text: string): void {
    try {
      const signal = JSON.parse(text) as Signal;
      if (signal.hub !== this.#options.hub) this.#follow(signal);
    } catch (thrown) {
      this.#options.onFailed(thrown);
    }
  }

  #follow(signal: Signal): void {
    const { hub } = signal;
    if (signal.type === 'bye') {
      this.#forget(hub);
      return;
    }
    if (signal.type === 'ask') {
      this.#answer(signal.of);
      return;
    }
    const peer = this.#peerOf(hub);
    peer.heardAtMs = this.#options.clock.now();
    if (signal.type === 'all') this.#hearAll(peer, signal);
    else if (signal.type === 'alive') this.#check(peer, signal, signal.count);
    else this.#hearChange(peer, signal);
  }

  #peerOf(hub: string): Peer {
    const known = this.#peers.get(hub);
    if (known !== undefined) return known;
    const peer: Peer = { count: 0, heardAtMs: 0, telling: undefined };
    this.#peers.set(hub, peer);
    return peer;
  }

  #hearChange(peer: Peer, signal: Extract<Signal, { type: 'join' | 'leave' }>): void {
    const { presence } = this.#options;
    const { hub, channel, count } = signal;
    const isNext = this.#check(peer, signal, count - 1);
    if (isNext) peer.count = count;
    if (signal.type === 'join') presence.add(channel, [signal.member], hub);
    else presence.remove(channel, [signal.id]);
  }

  /** Asks for everything when something was missed. Returns whether nothing was. */
  #check(peer: Peer, { hub, type }: Signal, expected: number): boolean {
    if (peer.count === expected) return true;
    if (peer.count !== undefined || type === 'alive')
      this.#signal({ type: 'ask', hub: this.#options.hub, of: hub });
    peer.count = undefined;
    return false;
  }

  /** At most once a second, however many ask: whoever gets nothing asks again at the next sign of life. */
  #answer(asked: string | null): void {
    const { hub, clock } = this.#options;
    const nowMs = clock.now();
    if (asked !== null && (asked !== hub || nowMs - this.#toldAtMs < 1_000)) return;
    this.#toldAtMs = nowMs;
    this.#tellAll();
  }

  #tellAll(): void {
    const { hub, presence } = this.#options;
    const all = [...presence.membersOf(hub)];
    const parts = Math.max(1, Math.ceil(all.length / MEMBERS_PER_PART));
    for (let part = 0; part < parts; part += 1) {
      const members = all.slice(part * MEMBERS_PER_PART, (part + 1) * MEMBERS_PER_PART);
      this.#signal({ type: 'all', hub, count: this.#count, part, isLast: part === parts - 1, members });
    }
  }

  #hearAll(peer: Peer, { hub, count, part, isLast, members }: Extract<Signal, { type: 'all' }>): void {
    const { presence } = this.#options;
    if (part === 0) peer.telling = { part: 0, unconfirmed: new Set(keysOf(presence.membersOf(hub))) };
    const { telling } = peer;
    if (telling?.part !== part) {
      peer.telling = undefined;
      return;
    }
    telling.part += 1;
    for (const key of keysOf(members)) telling.unconfirmed.delete(key);
    for (const [channel, shown] of byChannel(members, (member) => member)) presence.add(channel, shown, hub);
    if (!isLast) return;
    const isGone = ([channel, { id }]: Entry): boolean => telling.unconfirmed.has(keyOf(channel, id));
    this.#removeAll([...presence.membersOf(hub)].filter(isGone));
    peer.count = count;
    peer.telling = undefined;
  }
}

const keyOf = (channel: string, id: string): string => `${id} ${channel}`;

const keysOf = (entries: Iterable<Entry>): string[] =>
  [...entries].map(([channel, { id }]) => keyOf(channel, id));

function byChannel<Item>(entries: Iterable<Entry>, pick: (member: Shown) => Item): Map<string, Item[]> {
  const grouped = new Map<string, Item[]>();
  for (const [channel, member] of entries) {
    const items = grouped.get(channel);
    if (items === undefined) grouped.set(channel, [pick(member)]);
    else items.push(pick(member));
  }
  return grouped;
}
