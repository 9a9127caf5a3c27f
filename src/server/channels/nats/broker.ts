// The broker over NATS: the channels of all hubs that share a NATS server or cluster, kept in one JetStream stream.
import { randomUUID } from 'node:crypto';
import type { Msg, NatsConnection } from '@nats-io/transport-node';
import type { Broker, Following, FollowOptions, NewMessage, Published, Replay } from '../broker.ts';
import { Follower } from './follower.ts';
import { Link, type Session } from './link.ts';
import { resolveNatsOptions, type NatsBrokerOptions, type NatsSettings } from './options.ts';
import { Outlet } from './outlet.ts';
import { idInStream } from './records.ts';
import type { Memory } from './recent.ts';
import { subjectsOf, type Subjects } from './subjects.ts';

/**
 * A broker over NATS with JetStream, for hubs that are to act as one: a client may come back to another one of them and
 * miss nothing. It connects by itself, and again whenever it must; what is asked meanwhile waits for `timeoutMs`, and what
 * was published in a moment in which NATS went away is published again in the same order, and kept once.
 *
 * Needs nats-server 2.9 or newer, started with `-js`, and the packages `@nats-io/transport-node` and `@nats-io/jetstream`.
 *
 * ```ts
 * const hub = createChannelHub({ port: 8080, broker: natsBroker({ servers: 'nats.example:4222' }) });
 * ```
 *
 * @throws {InvalidOptionError} for an option that cannot be meant
 */
export const natsBroker = (options: NatsBrokerOptions = {}): Broker =>
  new NatsBroker(resolveNatsOptions(options));

const FROM = 'Statewire-From';

type Listener = (text: string) => void;

class NatsBroker implements Broker {
  readonly name = 'nats';
  readonly #settings: NatsSettings;
  readonly #subjects: Subjects;
  readonly #link: Link;
  readonly #outlet: Outlet;
  readonly #followers = new Map<string, Set<Follower>>();
  readonly #memory: Memory = { bytes: 0 };
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #id = randomUUID();
  #count = 0;
  /** Whose signals are heard. */
  #connection: NatsConnection | undefined;

  constructor(settings: NatsSettings) {
    this.#settings = settings;
    this.#subjects = subjectsOf(settings.prefix);
    this.#link = new Link(settings, this.#subjects, {
      opened: (session) => this.#opened(session),
      shut: () => this.#outlet.shut(),
      refused: (error) => this.#outlet.refuseAll(error),
    });
    this.#outlet = new Outlet(this.#link, settings.timeoutMs);
  }

  get trouble(): string | undefined {
    return this.#link.trouble;
  }

  publish(channel: string, message: NewMessage): Promise<Published> {
    const subject = this.#subjects.kept(channel);
    this.#count += 1;
    const id = idInStream(subject, message.messageId ?? `${this.#id} ${this.#count}`);
    return this.#outlet.publish({ subject, message, id });
  }

  async follow(channel: string, options: FollowOptions): Promise<Following> {
    const { onMessage } = options;
    const follower = new Follower({
      channel,
      link: this.#link,
      settings: this.#settings,
      subjects: this.#subjects,
      memory: this.#memory,
      onMessage,
      onLost: (reason) => {
        this.#forget(follower);
        options.onLost(reason);
      },
    });
    this.#remember(follower);
    const stop = (): void => {
      this.#forget(follower);
      follower.stop();
    };
    try {
      const position = await follower.begin();
      return { epoch: follower.epoch, position, stop };
    } catch (thrown) {
      stop();
      throw thrown;
    }
  }

  replay(channel: string, { after, upTo }: { after: number; upTo: number }): Promise<Replay> {
    const [follower] = this.#followers.get(channel) ?? [];
    if (follower !== undefined) return follower.replay(after, upTo);
    const subject = this.#subjects.kept(channel);
    return this.#link.run(({ stream }) => stream.replay(subject, after, upTo), this.#settings.timeoutMs);
  }

  signal(topic: string, text: string): void {
    const { session } = this.#link;
    if (session === undefined || session.connection.isClosed()) return;
    const headers = session.stream.headers();
    headers.set(FROM, this.#id);
    session.connection.publish(this.#subjects.signal(topic), text, { headers });
  }

  onSignal(topic: string, listener: Listener): () => void {
    const subject = this.#subjects.signal(topic);
    const listeners = this.#listeners.get(subject) ?? new Set();
    this.#listeners.set(subject, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(subject) === listeners) this.#listeners.delete(subject);
    };
  }

  async close(): Promise<void> {
    // What NATS can still confirm, it may: for no longer than anything waits.
    if (this.#link.session !== undefined) await this.#outlet.settled();
    for (const follower of this.#allFollowers) follower.stop();
    this.#followers.clear();
    this.#listeners.clear();
    await this.#link.close();
  }

  get #allFollowers(): readonly Follower[] {
    return [...this.#followers.values()].flatMap((followers) => [...followers]);
  }

  #remember(follower: Follower): void {
    const followers = this.#followers.get(follower.channel) ?? new Set();
    this.#followers.set(follower.channel, followers.add(follower));
  }

  #forget(follower: Follower): void {
    const followers = this.#followers.get(follower.channel);
    if (followers?.delete(follower) === true && followers.size === 0)
      this.#followers.delete(follower.channel);
  }

  #opened(session: Session): void {
    this.#listen(session.connection);
    this.#outlet.open(session);
    for (const follower of this.#allFollowers) follower.readOn();
  }

  #listen(connection: NatsConnection): void {
    if (this.#connection === connection) return;
    this.#connection = connection;
    connection.subscribe(this.#subjects.allSignals, {
      callback: (error, message) => {
        if (error === null) this.#hear(message);
      },
    });
    connection.subscribe(this.#subjects.renewed, {
      callback: (error) => {
        if (error === null) for (const follower of this.#allFollowers) follower.readOn();
      },
    });
  }

  #hear({ subject, headers, data }: Msg): void {
    if (headers?.get(FROM) === this.#id) return;
    const text = Buffer.from(data).toString();
    for (const listener of [...(this.#listeners.get(subject) ?? [])]) listener(text);
  }
}
