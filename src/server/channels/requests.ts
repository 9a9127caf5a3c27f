// What one client asks a hub for, frame by frame and strictly in order: read, judged, done, answered.
import {
  CONTROL_CHANNEL,
  isChannelName,
  MAX_CHANNEL_LENGTH,
  readEnvelope,
  type Envelope,
  type HubErrorCode,
  type Reply,
} from '../../channels/wire.ts';
import { textOf } from '../../errors.ts';
import type { Admission } from '../admission.ts';
import type { WebSocketMessage } from '../realtime/websocket-link.ts';
import type { Broker } from './broker.ts';
import type { From, HubChannel } from './hub-channel.ts';
import type { Member } from './member.ts';
import type { Access, HubSettings } from './options.ts';
import type { Tally } from './tally.ts';

type RequestKind = 'subscribe' | 'unsubscribe' | 'publish';

/** What requests ask of the hub. */
export interface RequestsWorld {
  readonly settings: HubSettings;
  readonly tally: Tally;
  readonly broker: Broker;
  readonly rate: Admission;
  channelOf(name: string): HubChannel;
  joined(channel: HubChannel, member: Member): void;
  left(channel: HubChannel, member: Member): void;
  hookFailed(hook: string, thrown: unknown): void;
}

/** Publications of one client that the broker has not confirmed yet; then its next frame waits. */
const MAX_UNCONFIRMED = 256;

class Refused extends Error {
  readonly code: HubErrorCode;
  readonly about: Omit<Extract<Reply, { action: 'error' }>, 'action' | 'code' | 'message'>;

  constructor(code: HubErrorCode, message: string, about: Refused['about'] = {}) {
    super(message);
    this.code = code;
    this.about = about;
  }
}

export class Requests {
  readonly #world: RequestsWorld;
  readonly #member: Member;
  readonly #unconfirmed = new Set<Promise<void>>();

  constructor(world: RequestsWorld, member: Member) {
    this.#world = world;
    this.#member = member;
  }

  /** Does what a frame asks for. Resolves when the next one may be looked at. Never rejects. */
  async take(message: WebSocketMessage): Promise<void> {
    try {
      await this.#take(message);
    } catch (thrown) {
      this.#refuse(thrown);
    }
    if (this.#unconfirmed.size >= MAX_UNCONFIRMED) await Promise.race(this.#unconfirmed);
  }

  async #take(message: WebSocketMessage): Promise<void> {
    const envelope = this.#read(message);
    const isControl = envelope.channel === CONTROL_CHANNEL;
    const request = isControl ? undefined : ('publish' as const);
    const about = {
      ...(request !== undefined && { request, channel: envelope.channel }),
      ...(typeof envelope.message_id === 'string' && { message_id: envelope.message_id }),
    };
    if (this.#world.rate.request(this.#member.id) !== undefined)
      throw new Refused('RATE_LIMITED', 'Too many frames; send fewer, or wait a moment.', about);
    if (isControl) await this.#control(envelope.payload);
    else await this.#publish(envelope, about, message);
  }

  #read(message: WebSocketMessage): Envelope {
    if (typeof message !== 'string') throw new Refused('BAD_FRAME', 'Expected text, got a binary frame.');
    try {
      return readEnvelope(message);
    } catch (thrown) {
      throw new Refused('BAD_FRAME', textOf(thrown));
    }
  }

  async #control(payload: unknown): Promise<void> {
    const { action, channel, after, epoch } = (payload ?? {}) as Readonly<Record<string, unknown>>;
    if (action === 'ping') {
      this.#member.reply({ action: 'pong' });
      return;
    }
    if (action !== 'subscribe' && action !== 'unsubscribe')
      throw new Refused('BAD_FRAME', 'Expected the action "subscribe", "unsubscribe" or "ping".');
    this.#mustBeChannel(channel, action);
    if (action === 'unsubscribe') this.#unsubscribe(channel);
    else {
      const isFrom = typeof after === 'number' && Number.isSafeInteger(after) && typeof epoch === 'string';
      await this.#subscribe(channel, isFrom ? { after, epoch } : undefined);
    }
  }

  async #subscribe(channel: string, from: From | undefined): Promise<void> {
    const about = { request: 'subscribe' as const, channel };
    const { settings } = this.#world;
    const { channels, session } = this.#member;
    if (!channels.has(channel) && channels.size >= settings.limits.maxChannels)
      throw new Refused('TOO_MANY_CHANNELS', `No more than ${settings.limits.maxChannels} channels.`, about);
    await this.#mustBeAllowed('subscribe', channel);
    if (!session.isOpen) return;
    const hubChannel = this.#world.channelOf(channel);
    try {
      await hubChannel.join(this.#member, from);
    } catch (thrown) {
      this.#world.left(hubChannel, this.#member);
      this.#world.hookFailed('broker', thrown);
      throw new Refused('UNAVAILABLE', 'The channel cannot be read at present.', about);
    }
    // It may have gone while the broker was asked.
    if (session.isOpen) this.#world.joined(hubChannel, this.#member);
    else this.#world.left(hubChannel, this.#member);
  }

  #unsubscribe(channel: string): void {
    if (this.#member.channels.has(channel)) this.#world.left(this.#world.channelOf(channel), this.#member);
    this.#member.reply({ action: 'unsubscribed', channel });
  }

  async #publish(envelope: Envelope, about: Refused['about'], message: WebSocketMessage): Promise<void> {
    const { channel, payload, message_id: given } = envelope;
    const { limits, publishersMustSubscribe } = this.#world.settings;
    this.#mustBeChannel(channel, 'publish', about);
    if (Buffer.byteLength(message) > limits.maxPublishBytes)
      throw new Refused('MESSAGE_TOO_LARGE', `A message has at most ${limits.maxPublishBytes} bytes.`, about);
    if (given !== undefined && typeof given !== 'string')
      throw new Refused('BAD_FRAME', 'Expected `message_id` to be a string.', about);
    if (publishersMustSubscribe && !this.#member.channels.has(channel))
      throw new Refused('NOT_SUBSCRIBED', 'Subscribe to the channel first.', about);
    await this.#mustBeAllowed('publish', channel, about);
    const confirmed = this.#hand({ channel, payload: JSON.stringify(payload), messageId: given }, about);
    this.#unconfirmed.add(confirmed);
    void confirmed.finally(() => this.#unconfirmed.delete(confirmed));
  }

  /** Not awaited: the broker takes publications in the order in which it is given them. */
  async #hand(
    { channel, payload, messageId }: { channel: string; payload: string; messageId: string | undefined },
    about: Refused['about'],
  ): Promise<void> {
    const { broker, tally } = this.#world;
    try {
      const { seq, isDuplicate } = await broker.publish(channel, {
        payload,
        messageId,
        publisher: this.#member.id,
      });
      if (isDuplicate) tally.duplicates += 1;
      else tally.published += 1;
      if (messageId !== undefined)
        this.#member.reply({ action: 'published', channel, message_id: messageId, seq });
    } catch (thrown) {
      this.#world.hookFailed('broker', thrown);
      this.#refuse(new Refused('UNAVAILABLE', 'The message could not be kept; publish it again.', about));
    }
  }

  #mustBeChannel(
    channel: unknown,
    request: RequestKind,
    about: Refused['about'] = {},
  ): asserts channel is string {
    if (isChannelName(channel)) return;
    const expected = `Expected a channel: a string of 1 to ${MAX_CHANNEL_LENGTH} characters.`;
    throw new Refused('BAD_CHANNEL', expected, { request, ...about });
  }

  async #mustBeAllowed(
    action: Access['action'],
    channel: string,
    about: Refused['about'] = { request: action, channel },
  ): Promise<void> {
    const { authorize } = this.#world.settings;
    if (authorize === undefined) return;
    const { session } = this.#member;
    let isAllowed = false;
    try {
      isAllowed = (await authorize({ action, channel, identity: session.identity, session })) === true;
    } catch (thrown) {
      this.#world.hookFailed('authorize', thrown);
    }
    if (!isAllowed) throw new Refused('NOT_ALLOWED', `Not allowed to ${action} here.`, about);
  }

  #refuse(thrown: unknown): void {
    if (!(thrown instanceof Refused)) {
      this.#world.hookFailed('hub', thrown);
      return;
    }
    const { code, message, about } = thrown;
    this.#world.tally.refuse(code);
    this.#member.reply({ action: 'error', code, message, ...about });
  }
}
