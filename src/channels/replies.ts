// What a server says about subscriptions and publications, and whom it is told to.
import type { Emitter } from '../emitter.ts';
import { blame, ConnectionError } from '../errors.ts';
import { redactorFor, type Redactor } from '../redact.ts';
import { ChannelError } from './errors.ts';
import type { ChannelSettings } from './options.ts';
import type { Publishing } from './publishing.ts';
import type { SubscriptionLife } from './subscription-life.ts';
import type { ChannelEvents } from './subscriptions.ts';
import { isPassing, readReply, type Envelope, type Reply } from './wire.ts';

type Refusal = Extract<Reply, { action: 'error' }>;

export interface RepliesWorld {
  readonly settings: ChannelSettings;
  readonly emitter: Emitter<ChannelEvents>;
  lifeOf(channel: string): SubscriptionLife | undefined;
  /** The server has answered a goodbye. */
  heardGoodbye(channel: string): void;
  /** Whether what the server says of a channel now is of a subscription that was ended meanwhile. */
  isOfTheLast(channel: string): boolean;
}

export class Replies {
  readonly #world: RepliesWorld;
  readonly #publishing: Publishing;

  constructor(world: RepliesWorld, publishing: Publishing) {
    this.#world = world;
    this.#publishing = publishing;
  }

  /** One that lacks something is logged: nobody waits for it. */
  hear({ payload }: Envelope): void {
    try {
      const reply = readReply(payload);
      if (reply !== undefined) this.#dispatch(reply);
    } catch (thrown) {
      const error = new ConnectionError('INVALID_MESSAGE', blame(thrown, this.#redactor));
      this.#world.settings.logger?.warn(error.message, { error });
    }
  }

  #dispatch(reply: Reply): void {
    if (reply.action === 'error') this.#hearRefusal(reply);
    else if (reply.action === 'published') this.#publishing.published(reply);
    else if (reply.action === 'pending') this.#publishing.learn('hub');
    else if (reply.action !== 'pong') {
      if (reply.action === 'subscribed') this.#publishing.learn(reply.epoch === undefined ? 'plain' : 'hub');
      if (reply.action === 'unsubscribed') this.#world.heardGoodbye(reply.channel);
      if (!this.#world.isOfTheLast(reply.channel)) this.#world.lifeOf(reply.channel)?.hear(reply);
    }
  }

  #hearRefusal(reply: Refusal): void {
    const { channel = '', message_id: messageId = '', request } = reply;
    if (request === 'unsubscribe') this.#world.heardGoodbye(channel);
    const life = this.#world.lifeOf(channel);
    if (life !== undefined && isOfLife(life, reply)) {
      if (!this.#world.isOfTheLast(channel)) this.#refuse(life, reply);
    }
    // What the server knows nothing of has ended as well.
    else if (request === 'unsubscribe') life?.tell({ type: 'reply.unsubscribed' });
    else this.#refusePublication(messageId, reply);
  }

  #refusePublication(messageId: string, reply: Refusal): void {
    const error = this.#errorOf(reply, 'PUBLISH_REFUSED');
    if (this.#publishing.refused(messageId, error)) return;
    this.#world.settings.logger?.warn(error.message, { error });
    this.#world.emitter.emit('refused', error);
  }

  #refuse(life: SubscriptionLife, reply: Refusal): void {
    if (isPassing(reply.code)) {
      life.tell({ type: 'reply.postponed' });
      return;
    }
    const error = this.#errorOf(reply, 'SUBSCRIPTION_REFUSED');
    this.#world.settings.logger?.warn(error.message, { error });
    life.refuse(error);
  }

  #errorOf(reply: Refusal, code: 'PUBLISH_REFUSED' | 'SUBSCRIPTION_REFUSED'): ChannelError {
    const { channel = 'a channel that it does not name', message } = reply;
    const explanation = this.#redactor.text(
      [reply.code, message].filter((part) => part !== undefined).join(': '),
    );
    return new ChannelError(code, {
      details: { channel, explanation },
      payload: this.#redactor.clean(reply),
    });
  }

  get #redactor(): Redactor {
    return redactorFor({ options: this.#world.settings });
  }
}

/** A server that does not say what it refuses may mean a subscription that it has not confirmed. */
const isOfLife = ({ isConfirmed }: SubscriptionLife, { request, message_id }: Refusal): boolean =>
  request === 'subscribe' || (request === undefined && (message_id ?? '') === '' && !isConfirmed);
