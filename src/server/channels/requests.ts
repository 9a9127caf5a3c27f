// What one client asks a hub for, frame by frame and strictly in order: read, judged, done, answered.
import { CONTROL_CHANNEL, isChannelName, MAX_CHANNEL_LENGTH, readEnvelope } from '../../channels/wire.ts';
import type { Envelope } from '../../channels/wire.ts';
import type { Clock } from '../../clock.ts';
import { textOf } from '../../errors.ts';
import type { WebSocketMessage } from '../realtime/websocket-link.ts';
import type { From, HubChannel } from './hub-channel.ts';
import type { Member } from './member.ts';
import type { Access, HubSettings } from './options.ts';
import { Publications } from './publications.ts';
import { Rate } from './rate.ts';
import { Refused, type Subject } from './refused.ts';
import type { Tally } from './tally.ts';

/** What requests ask of the hub. */
export interface RequestsWorld {
  readonly settings: HubSettings;
  readonly clock: Clock;
  readonly tally: Tally;
  /** Whether the hub is about to end: nothing new is begun. */
  readonly isClosing: boolean;
  channelOf(name: string): HubChannel;
  joined(channel: HubChannel, member: Member): void;
  left(channel: HubChannel, member: Member): void;
  hookFailed(hook: string, thrown: unknown): void;
}

/** An id of a publication is kept for as long as it may come again. */
const MAX_MESSAGE_ID_LENGTH = 200;

/** Half of a pair has no UTF-8: two names that differ here would be one to a broker. */
const LONE_SURROGATE = /\p{Surrogate}/u;

/** Well before clients of ours take a silent server for one that gives no answers (`acknowledgementMs`). */
const PENDING_AFTER_MS = 100;

export class Requests {
  readonly #world: RequestsWorld;
  readonly #member: Member;
  readonly #rate: Rate;
  readonly #publications: Publications;

  constructor(world: RequestsWorld, member: Member) {
    this.#world = world;
    this.#member = member;
    this.#rate = new Rate(world.settings.limits, world.clock);
    this.#publications = new Publications(world, member, (refused) => this.#refuse(refused));
  }

  /** Resolves when nothing is on its way to the broker. */
  settled(): Promise<void> {
    return this.#publications.settled();
  }

  /** Does what a frame asks for. Resolves when the next one may be looked at. Never rejects. */
  async take(message: WebSocketMessage): Promise<void> {
    const isInTime = this.#rate.take();
    let isRefused = false;
    try {
      await this.#take(message, isInTime);
    } catch (thrown) {
      isRefused = true;
      this.#refuse(thrown);
    }
    await this.#publications.untilRoom();
    await this.#member.untilHeard();
    if (!isInTime && isRefused) await this.#untilItMayGoOn();
  }

  async #take(message: WebSocketMessage, isInTime: boolean): Promise<void> {
    const envelope = read(message);
    const subject = subjectOf(envelope);
    if (!isInTime && !(await this.#mayWait(envelope, subject)))
      throw new Refused('RATE_LIMITED', 'Too many frames; send fewer, or wait a moment.', subject);
    if (envelope.channel === CONTROL_CHANNEL) await this.#control(envelope.payload, subject);
    else await this.#publish(envelope, message, subject);
  }

  async #control(payload: unknown, subject: Subject): Promise<void> {
    const { action, channel, after, epoch } = (payload ?? {}) as Readonly<Record<string, unknown>>;
    if (action === 'ping') {
      this.#member.reply({ action: 'pong' });
      return;
    }
    if (action !== 'subscribe' && action !== 'unsubscribe')
      throw new Refused('BAD_FRAME', 'Expected the action "subscribe", "unsubscribe" or "ping".', subject);
    mustBeChannel(channel, subject);
    if (action === 'unsubscribe') this.#unsubscribe(channel);
    else await this.#subscribe(channel, fromOf(after, epoch, subject), subject);
  }

  async #subscribe(channel: string, from: From | undefined, subject: Subject): Promise<void> {
    const { limits } = this.#world.settings;
    const { channels } = this.#member;
    if (this.#world.isClosing) throw unavailable(subject);
    if (!channels.has(channel) && channels.size >= limits.maxChannels)
      throw new Refused('TOO_MANY_CHANNELS', `No more than ${limits.maxChannels} channels.`, subject);
    await this.#sayingSo(channel, this.#join(channel, from, subject));
  }

  /** Whoever asks is told when the answer takes a while: a server that says nothing is taken for one without answers. */
  async #sayingSo(channel: string, answer: Promise<void>): Promise<void> {
    const { clock } = this.#world;
    const timer = clock.setTimeout(
      () => this.#member.reply({ action: 'pending', channel }),
      PENDING_AFTER_MS,
    );
    try {
      await answer;
    } finally {
      clock.clearTimeout(timer);
    }
  }

  async #join(channel: string, from: From | undefined, subject: Subject): Promise<void> {
    const { session } = this.#member;
    await this.#mustBeAllowed('subscribe', channel, subject);
    if (!session.isOpen) return;
    const hubChannel = this.#world.channelOf(channel);
    try {
      await hubChannel.join(this.#member, from);
    } catch (thrown) {
      this.#world.left(hubChannel, this.#member);
      this.#world.hookFailed('broker', thrown);
      throw unavailable(subject);
    }
    // It may have left while the broker was asked.
    if (hubChannel.has(this.#member)) this.#world.joined(hubChannel, this.#member);
  }

  #unsubscribe(channel: string): void {
    if (this.#member.channels.has(channel)) this.#world.left(this.#world.channelOf(channel), this.#member);
    this.#member.reply({ action: 'unsubscribed', channel });
  }

  async #publish(envelope: Envelope, message: WebSocketMessage, subject: Subject): Promise<void> {
    const { channel, payload, message_id: messageId } = envelope;
    const { limits, publishersMustSubscribe } = this.#world.settings;
    mustBeChannel(channel, subject);
    if (Buffer.byteLength(message) > limits.maxPublishBytes) {
      const text = `A message has at most ${limits.maxPublishBytes} bytes.`;
      throw new Refused('MESSAGE_TOO_LARGE', text, subject);
    }
    mustBeMessageId(messageId, subject);
    if (publishersMustSubscribe && !this.#member.channels.has(channel))
      throw new Refused('NOT_SUBSCRIBED', 'Subscribe to the channel first.', subject);
    const text = jsonOf(payload, subject);
    await this.#mustBeAllowed('publish', channel, subject);
    this.#publications.take({ channel, payload: text, messageId }, subject);
  }

  async #mustBeAllowed(action: Access['action'], channel: string, subject: Subject): Promise<void> {
    const { authorize } = this.#world.settings;
    if (authorize === undefined) return;
    const { session } = this.#member;
    let verdict: unknown;
    try {
      verdict = await authorize({ action, channel, identity: session.identity, session });
    } catch (thrown) {
      this.#world.hookFailed('authorize', thrown);
    }
    if (verdict !== true) throw new Refused('NOT_ALLOWED', `Not allowed to ${action} here.`, subject);
  }

  #refuse(thrown: unknown): void {
    if (!(thrown instanceof Refused)) {
      this.#world.hookFailed('hub', thrown);
      return;
    }
    const { code, message, subject } = thrown;
    this.#world.tally.refuse(code);
    this.#member.reply({ action: 'error', code, message, ...subject });
  }

  /**
   * Publications that are sent again until they have an answer, and goodbyes, are not refused for coming too early: of a
   * refusal that is lost with the link nobody knows, and the next attempt would come after what was sent later.
   */
  async #mayWait({ channel, message_id: messageId }: Envelope, { request }: Subject): Promise<boolean> {
    if (request !== 'unsubscribe' && (channel === CONTROL_CHANNEL || messageId === undefined)) return false;
    while (this.#member.session.isOpen && !this.#rate.take()) await this.#untilItMayGoOn();
    return true;
  }

  /** Whoever sends too much is read no faster than it may send. */
  #untilItMayGoOn(): Promise<void> {
    const { clock, settings } = this.#world;
    const { signal } = this.#member.session;
    return new Promise((resolve) => {
      const over = (): void => {
        clock.clearTimeout(timer);
        signal.removeEventListener('abort', over);
        resolve();
      };
      const timer = clock.setTimeout(over, 1_000 / settings.limits.messagesPerSecond);
      signal.addEventListener('abort', over);
      if (signal.aborted) over();
    });
  }
}

function read(message: WebSocketMessage): Envelope {
  if (typeof message !== 'string') throw new Refused('BAD_FRAME', 'Expected text, got a binary frame.', {});
  try {
    return readEnvelope(message);
  } catch (thrown) {
    throw new Refused('BAD_FRAME', textOf(thrown), {});
  }
}

/** As much as can be told of what a frame is about. */
function subjectOf({ channel, payload, message_id: messageId }: Envelope): Subject {
  if (channel !== CONTROL_CHANNEL)
    return { request: 'publish', ...short('channel', channel), ...short('message_id', messageId) };
  const { action, channel: name } = (payload ?? {}) as Readonly<Record<string, unknown>>;
  const request = action === 'subscribe' || action === 'unsubscribe' ? { request: action } : {};
  return { ...request, ...short('channel', name) } as Subject;
}

/** Not repeated if it is no name. */
const short = (name: 'channel' | 'message_id', value: unknown): Partial<Subject> =>
  typeof value === 'string' && value.length <= MAX_CHANNEL_LENGTH ? { [name]: value } : {};

function mustBeChannel(channel: unknown, subject: Subject): asserts channel is string {
  if (isChannelName(channel) && !LONE_SURROGATE.test(channel)) return;
  const expected = `Expected a channel: a string of 1 to ${MAX_CHANNEL_LENGTH} characters other than "${CONTROL_CHANNEL}".`;
  throw new Refused('BAD_CHANNEL', expected, subject);
}

function mustBeMessageId(messageId: unknown, subject: Subject): asserts messageId is string | undefined {
  if (messageId === undefined) return;
  const isString = typeof messageId === 'string' && messageId !== '';
  if (isString && messageId.length <= MAX_MESSAGE_ID_LENGTH && !LONE_SURROGATE.test(messageId)) return;
  const expected = `Expected \`message_id\` to be a string of 1 to ${MAX_MESSAGE_ID_LENGTH} characters.`;
  throw new Refused('BAD_FRAME', expected, subject);
}

function fromOf(after: unknown, epoch: unknown, subject: Subject): From | undefined {
  if (after === undefined && epoch === undefined) return undefined;
  if (typeof after === 'number' && Number.isSafeInteger(after) && after >= 0 && typeof epoch === 'string')
    return { after, epoch };
  throw new Refused('BAD_FRAME', 'Expected `after` to be a whole number, and `epoch` a string.', subject);
}

/** What could be read can be written, unless it is nested more deeply than a stack is high. */
function jsonOf(payload: unknown, subject: Subject): string {
  try {
    return JSON.stringify(payload);
  } catch {
    throw new Refused('BAD_FRAME', 'Expected a payload that is nested less deeply.', subject);
  }
}

const unavailable = (subject: Subject): Refused =>
  new Refused('UNAVAILABLE', 'The channel cannot be read at present.', subject);
