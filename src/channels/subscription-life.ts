// The inside of a subscription: where its machine meets the world. Messages pass the machine by.
import { createActor, fromCallback, type ActorRefFrom, type EventObject } from 'xstate';
import {
  isSubscriptionConfirmed,
  selectSubscriptionState,
  subscriptionMachine,
  type SubscriptionEvent,
  type SubscriptionSnapshot,
  type SubscriptionState,
} from '../../machines/index.ts';
import { deferred, type Deferred } from '../deferred.ts';
import type { Emitter, Reporter } from '../emitter.ts';
import { makeFailure, toError, type ConnectionError } from '../errors.ts';
import type { GuardedInspector } from '../inspection/guard.ts';
import type { Inspected } from '../inspection/inspector.ts';
import type { Consumers, ReadingControl } from './consumers.ts';
import { ChannelError } from './errors.ts';
import type { ChannelSettings } from './options.ts';
import type { ChannelEvents } from './subscriptions.ts';
import { controlFrame, type ChannelMessage, type Member, type Position, type Reply } from './wire.ts';

export type SubscriptionActor = ActorRefFrom<typeof subscriptionMachine>;

/** What a subscription asks of its client. */
export interface SubscriptionWorld extends Reporter, ReadingControl {
  readonly settings: ChannelSettings;
  /** Sends a control frame. Rejects when the session ended before it was sent, or there was no room for it. */
  say(frame: string): Promise<void>;
  /** The same for the end of a subscription. Never rejects. */
  sayGoodbye(channel: string): Promise<void>;
  readonly inspector: GuardedInspector | undefined;
  /** Of the client: what is told to listeners of all channels. */
  readonly emitter: Emitter<ChannelEvents>;
  /** What an inspector is shown of the subscription to a channel. */
  inspectedAs(channel: string): Inspected;
  /** The server has said nothing about a subscription in its time. */
  assumed(): void;
  ended(life: SubscriptionLife): void;
}

/** One machine serves all subscriptions; to provide it anew would cost each of them as much as all else. */
const lives = new WeakMap<object, SubscriptionLife>();

const machine = subscriptionMachine.provide({
  actors: {
    ask: fromCallback<EventObject>(({ system, sendBack }) => {
      lives.get(system)?.ask(() => sendBack({ type: 'reply.postponed' }));
    }),
    leave: fromCallback<EventObject>(({ system }) => lives.get(system)?.leave()),
  },
});

const NONE: readonly never[] = [];

export class SubscriptionLife {
  readonly channel: string;
  readonly actor: SubscriptionActor;
  readonly members = new Map<string, Member>();
  /** Held here, because inspectors hold it weakly. */
  readonly inspected: Inspected | undefined;
  /** Whoever asked for it, each with consumers of its own. */
  readonly #holders = new Set<Consumers>();
  /** The last of them, who wants to see it end, and when that has happened. */
  #leaver: { readonly consumers: Consumers; readonly left: Deferred<undefined> } | undefined;
  readonly #world: SubscriptionWorld;
  #told: SubscriptionState = 'subscribing';
  #seq: number | undefined;
  #epoch: string | undefined;
  #waiting: readonly Deferred<undefined>[] = NONE;
  #refusal: ChannelError | undefined;

  constructor(channel: string, world: SubscriptionWorld) {
    const { inspector, settings } = world;
    const { acknowledgementMs, retryDelayMs, clock } = settings;
    this.channel = channel;
    this.#world = world;
    this.actor = createActor(machine, {
      input: { limits: { acknowledgementMs, retryDelayMs } },
      ...(clock !== undefined && { clock }),
      ...(inspector !== undefined && { inspect: inspector.next }),
    });
    lives.set(this.actor.system, this);
    if (inspector !== undefined) {
      this.inspected = world.inspectedAs(channel);
      inspector.attach(this.actor.sessionId, this.inspected);
    }
    this.actor.subscribe({
      next: (snapshot) => this.#follow(snapshot),
      error: () => this.#follow(this.#snapshot),
    });
    this.actor.start();
  }

  get state(): SubscriptionState {
    return selectSubscriptionState(this.#snapshot);
  }

  get isConfirmed(): boolean {
    return isSubscriptionConfirmed(this.#snapshot);
  }

  /** Whether it counts: it has not ended or failed, and nobody is about to end it. */
  get isWanted(): boolean {
    return this.state === 'subscribing' || this.state === 'subscribed';
  }

  /** Whether the server was asked, and not told otherwise since. */
  get isAsked(): boolean {
    return this.#snapshot.matches('subscribed') || this.#snapshot.matches({ subscribing: 'asking' });
  }

  /** Why there are no messages, in `failed` and `ended`. */
  get error(): ConnectionError {
    const { failure } = this.#snapshot.context;
    if (failure !== null) return failure.code === this.#refusal?.code ? this.#refusal : toError(failure);
    return new ChannelError('NOT_SUBSCRIBED', { details: { channel: this.channel } });
  }

  get position(): Position | undefined {
    if (this.#seq === undefined || this.#epoch === undefined) return undefined;
    return { seq: this.#seq, epoch: this.#epoch };
  }

  /** How it is for one of those who asked for it. */
  stateFor(consumers: Consumers): SubscriptionState {
    const isTheirs = this.#holders.has(consumers) || this.#leaver?.consumers === consumers;
    return isTheirs ? this.state : 'ended';
  }

  hold(consumers: Consumers): void {
    // Nobody waits for what came since the last one left.
    if (this.#holders.size === 0) this.#forgetPosition();
    const left = this.#leaver?.consumers;
    const previous = this.state;
    this.#haveLeft();
    this.#holders.add(consumers);
    this.tell({ type: 'subscribe' });
    left?.emitter.emit('statechange', { state: 'ended', previous });
  }

  /** Resolves when it has ended for them: at once for all but the last one, for whom the server is told. */
  async release(consumers: Consumers): Promise<void> {
    const previous = this.state;
    if (this.#holders.delete(consumers)) {
      consumers.end();
      if (this.#holders.size > 0) consumers.emitter.emit('statechange', { state: 'ended', previous });
      else this.#leave(consumers);
    }
    if (this.#leaver?.consumers === consumers) await this.#leaver.left.promise;
  }

  async releaseAll(): Promise<void> {
    for (const holder of this.#holders) void this.release(holder);
    await this.#leaver?.left.promise;
  }

  tell(event: SubscriptionEvent): void {
    if (this.#snapshot.status === 'active') this.actor.send(event);
  }

  ask(onUnsent: () => void): void {
    const { channel, position } = this;
    const after = position === undefined ? {} : { after: position.seq, epoch: position.epoch };
    this.#world.say(controlFrame({ action: 'subscribe', channel, ...after })).catch(onUnsent);
  }

  leave(): void {
    void this.#world.sayGoodbye(this.channel);
  }

  refuse(error: ChannelError): void {
    const { code, details } = error;
    this.#refusal = error;
    this.tell({ type: 'reply.refused', failure: makeFailure(code, 'stop', { details }) });
  }

  /** Returns whether the message is new to us, and somebody may want it. */
  receive(message: ChannelMessage, isOurs: boolean): boolean {
    const { seq } = message;
    if (seq !== undefined && this.#epoch !== undefined) {
      if (this.#seq !== undefined && seq <= this.#seq) return false;
      this.#seq = seq;
    }
    if (isOurs || !this.isWanted) return false;
    for (const holder of this.#holders) holder.push(message);
    return true;
  }

  hear(reply: Extract<Reply, { action: 'subscribed' | 'unsubscribed' | 'gap' | 'presence' }>): void {
    if (reply.action === 'subscribed') this.#noteSubscribed(reply);
    else if (reply.action === 'unsubscribed') this.tell({ type: 'reply.unsubscribed' });
    else if (reply.action === 'presence') this.#notePresence(reply);
    else this.#noteGap(reply);
  }

  /** For who holds it: resolves when it is subscribed; rejects when it has failed or ended. */
  untilSubscribed(): Promise<undefined> {
    const waiting = deferred<undefined>();
    waiting.promise.catch(() => undefined);
    this.#waiting = [...this.#waiting, waiting];
    // Another state is one that is about to change: a listener who is being told of it asked for the subscription.
    if (this.state === 'subscribed' || this.#snapshot.status !== 'active') this.#settle(this.state);
    return waiting.promise;
  }

  get #snapshot(): SubscriptionSnapshot {
    return this.actor.getSnapshot();
  }

  #follow(snapshot: SubscriptionSnapshot): void {
    const previous = this.#told;
    const state = selectSubscriptionState(snapshot);
    if (state === previous) return;
    this.#told = state;
    if (state === 'subscribed' && !this.isConfirmed) this.#world.assumed();
    this.#settle(state);
    if (state === 'ended') this.#world.ended(this);
    this.#each((holder) => {
      if (state === 'failed') holder.fail(this.error);
      if (state === 'ended') holder.end();
      if (state === 'failed') holder.emitter.emit('failed', this.error);
    });
    for (const { emitter } of this.#leaver === undefined ? this.#holders : [this.#leaver.consumers])
      emitter.emit('statechange', { state, previous });
    if (state === 'ended') this.#haveLeft();
  }

  #leave(consumers: Consumers): void {
    this.#leaver = { consumers, left: deferred() };
    this.tell({ type: 'unsubscribe' });
    if (this.#snapshot.status !== 'active') this.#haveLeft();
  }

  /** It has ended for the last one, or will not: somebody else wants it. */
  #haveLeft(): void {
    this.#leaver?.left.resolve(undefined);
    this.#leaver = undefined;
  }

  #forgetPosition(): void {
    this.#seq = undefined;
    this.#epoch = undefined;
  }

  #each(tell: (holder: Consumers) => void): void {
    for (const holder of this.#holders) tell(holder);
  }

  #settle(state: SubscriptionState): void {
    if (state !== 'subscribed' && state !== 'failed' && state !== 'ended') return;
    const waiting = this.#waiting;
    this.#waiting = NONE;
    for (const { resolve, reject } of waiting)
      if (state === 'subscribed') resolve(undefined);
      else reject(this.error);
  }

  #noteSubscribed({ seq, epoch }: Extract<Reply, { action: 'subscribed' }>): void {
    if (epoch !== undefined) this.#epoch = epoch;
    if (epoch !== undefined && seq !== undefined) this.#seq = seq;
    this.tell({ type: 'reply.subscribed' });
  }

  #noteGap({ after, seq }: Extract<Reply, { action: 'gap' }>): void {
    this.#seq = seq;
    const gap = { channel: this.channel, after, seq };
    this.#each(({ emitter }) => emitter.emit('gap', gap));
    this.#world.emitter.emit('gap', gap);
  }

  #notePresence(reply: Extract<Reply, { action: 'presence' }>): void {
    const { event, members } = reply;
    if (event === 'present') this.members.clear();
    for (const member of members)
      if (event === 'leave') this.members.delete(member.id);
      else this.members.set(member.id, member);
    this.#each(({ emitter }) => emitter.emit('presence', { channel: this.channel, event, members }));
  }
}
