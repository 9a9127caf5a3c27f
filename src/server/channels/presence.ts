// Who is subscribed to the channels that show it, on this hub and on the others, and how subscribers are told.
import { controlFrame, type Member as Shown, type Reply } from '../../channels/wire.ts';
import { PreparedMessage } from '../realtime/prepared-message.ts';
import type { HubChannel } from './hub-channel.ts';
import type { Member, Outgoing } from './member.ts';
import type { PresenceOptions } from './options.ts';

export interface PresenceWorld {
  /** With subscribers here; `undefined` when there are none. */
  channelAt(name: string): HubChannel | undefined;
  hookFailed(hook: string, thrown: unknown): void;
}

/** Whom members of this hub's are told to. */
export interface Herald {
  joined(channel: string, member: Shown): void;
  left(channel: string, id: string): void;
}

type PresenceEvent = Extract<Reply, { action: 'presence' }>['event'];

/** A member of a hub. */
interface Present {
  readonly shown: Shown;
  readonly hub: string;
}

/** What is shown of a member, as JSON. */
const MAX_DATA_CHARACTERS = 4_096;

export class Presence {
  readonly #options: Required<PresenceOptions>;
  readonly #hub: string;
  readonly #world: PresenceWorld;
  readonly #rooms = new Map<string, Map<string, Present>>();
  herald: Herald | undefined;

  /** @param hub the id of this one */
  constructor(options: Required<PresenceOptions>, hub: string, world: PresenceWorld) {
    this.#options = options;
    this.#hub = hub;
    this.#world = world;
  }

  /** Tells the others of a subscriber, and the subscriber of all. */
  joined(channel: HubChannel, member: Member): void {
    const { name } = channel;
    if (!this.#isShown(name)) return;
    if (this.#rooms.get(name)?.has(member.id) !== true) {
      const shown = this.#shown(member);
      if (this.add(name, [shown], this.#hub, member)) this.herald?.joined(name, shown);
    }
    this.tellAll(name, member);
  }

  /** Tells a subscriber who is there, itself included. */
  tellAll(channel: string, member: Member): void {
    const members = [...(this.#rooms.get(channel)?.values() ?? [])].map(({ shown }) => shown);
    member.send(outgoing(channel, 'present', members));
  }

  left(channel: string, { id }: Member): void {
    if (this.remove(channel, [id])) this.herald?.left(channel, id);
  }

  /** The members of one hub. */
  *membersOf(hub: string): Iterable<readonly [channel: string, member: Shown]> {
    for (const [channel, room] of this.#rooms)
      for (const present of room.values()) if (present.hub === hub) yield [channel, present.shown];
  }

  /** Returns whether there was one who was new, and had room. */
  add(channel: string, members: readonly Shown[], hub: string, except?: Member): boolean {
    const room = this.#rooms.get(channel) ?? new Map<string, Present>();
    const added = members
      .filter(({ id }) => !room.has(id))
      .slice(0, Math.max(0, this.#options.maxMembers - room.size));
    if (added.length === 0) return false;
    this.#rooms.set(channel, room);
    for (const shown of added) room.set(shown.id, { shown, hub });
    this.#world.channelAt(channel)?.announce(outgoing(channel, 'join', added), except);
    return true;
  }

  /** Returns whether one of them was there. */
  remove(channel: string, ids: readonly string[]): boolean {
    const room = this.#rooms.get(channel);
    const removed = ids.filter((id) => room?.delete(id)).map((id) => ({ id }));
    if (removed.length === 0) return false;
    if (room?.size === 0) this.#rooms.delete(channel);
    this.#world.channelAt(channel)?.announce(outgoing(channel, 'leave', removed));
    return true;
  }

  #isShown(channel: string): boolean {
    try {
      return this.#options.channels(channel);
    } catch (thrown) {
      this.#world.hookFailed('presence.channels', thrown);
      return false;
    }
  }

  /** As it is now: what becomes of the object later is not shown. */
  #shown({ id, session }: Member): Shown {
    try {
      const data = JSON.stringify(this.#options.data(session)) as string | undefined;
      if (data === undefined) return { id };
      if (data.length > MAX_DATA_CHARACTERS)
        throw new RangeError(
          `Expected at most ${MAX_DATA_CHARACTERS} characters of JSON, got ${data.length}.`,
        );
      return { id, data: JSON.parse(data) as unknown };
    } catch (thrown) {
      this.#world.hookFailed('presence.data', thrown);
      return { id };
    }
  }
}

function outgoing(channel: string, event: PresenceEvent, members: readonly Shown[]): Outgoing {
  const text = controlFrame({ action: 'presence', channel, event, members });
  return { channel, seq: undefined, message: new PreparedMessage(text) };
}
