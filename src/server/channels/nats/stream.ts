// The stream in which all channels are kept: made if it is not there, read message by message, and known from one that was
// made anew under its name.
import type { JetStreamClient, JetStreamManager, StreamConfig, StreamInfo } from '@nats-io/jetstream';
import type { MsgHdrs, NatsConnection } from '@nats-io/transport-node';
import type { NewMessage, Published, Replay, StoredMessage } from '../broker.ts';
import { isStreamAway, NatsBrokerError } from './errors.ts';
import { attemptMs, type NatsSettings } from './options.ts';
import type { Packages } from './packages.ts';
import { readRecord, writeMarker, writeOrigin, type StreamRecord } from './records.ts';
import type { Subjects } from './subjects.ts';
import { Turns } from './turns.ts';

export interface StreamWorld {
  readonly packages: Packages;
  readonly connection: NatsConnection;
  readonly settings: NatsSettings;
  readonly subjects: Subjects;
}

export interface Range {
  readonly after: number;
  readonly upTo: number;
  /** So many records at most. */
  readonly limit: number;
}

export interface Reading {
  readonly records: readonly StreamRecord[];
  /** Whether nothing was let go of after `after`, and before the last of the records. */
  readonly isComplete: boolean;
}

export interface Publication {
  readonly subject: string;
  readonly message: NewMessage;
  /** By which the stream knows it if it comes again. */
  readonly id: string;
}

/** Somebody has deleted the stream and made another one. */
export class StreamRenewed extends Error {
  override readonly name = 'StreamRenewed';
}

/** One message more than is wanted is kept: as long as the one after which somebody reads is there, nothing is missing. */
const configOf = (
  { transport: { nanos } }: Packages,
  settings: NatsSettings,
  subjects: Subjects,
): Partial<StreamConfig> => ({
  subjects: [subjects.allKept],
  max_msgs_per_subject: settings.maxMessages + 1,
  max_age: nanos(settings.maxAgeMs),
  max_bytes: settings.maxBytes,
  duplicate_window: nanos(settings.duplicateWindowMs),
  storage: settings.storage,
  num_replicas: settings.replicas,
  retention: 'limits',
  discard: 'old',
  republish: { src: subjects.allKept, dest: subjects.allLive },
});

export class Stream {
  /** Numbers of another epoch mean nothing. */
  readonly epoch: string;
  readonly #world: StreamWorld;
  readonly #client: JetStreamClient;
  readonly #manager: JetStreamManager;
  readonly #turns = new Turns();
  #verifying: Promise<StreamInfo> | undefined;

  private constructor(world: StreamWorld, client: JetStreamClient, manager: JetStreamManager, epoch: string) {
    this.#world = world;
    this.#client = client;
    this.#manager = manager;
    this.epoch = epoch;
  }

  /** @throws {NatsBrokerError} that is final, when there is one with other settings */
  static async open(world: StreamWorld): Promise<Stream> {
    const { packages, connection, settings, subjects } = world;
    const { domain } = settings;
    const options = { timeout: attemptMs(settings), ...(domain !== undefined && { domain }) };
    const manager = await packages.jetStream.jetstreamManager(connection, { ...options, checkAPI: false });
    const config = configOf(packages, settings, subjects);
    const info = (await infoOf(manager, subjects.stream)) ?? (await make(world, manager, config));
    const differences = differencesOf(config, info.config);
    if (differences.length > 0) {
      const message = `The NATS stream ${subjects.stream} has other settings: ${differences.join('; ')}. Give the same options to all hubs; to change them, delete the stream or edit it, or choose another prefix.`;
      throw new NatsBrokerError(message, { retryable: false });
    }
    return new Stream(world, packages.jetStream.jetstream(connection, options), manager, info.created);
  }

  /** Another one takes its place. */
  end(): void {
    this.#turns.end();
  }

  headers(): MsgHdrs {
    return this.#world.packages.transport.headers();
  }

  /**
   * Of all who want to know it at the same time, one asks.
   *
   * @throws {StreamRenewed}
   */
  async verify(): Promise<void> {
    this.#verifying ??= this.#manager.streams.info(this.#world.subjects.stream).finally(() => {
      this.#verifying = undefined;
    });
    const info = await this.#verifying;
    if (info.created !== this.epoch) throw new StreamRenewed('The stream was made anew.');
  }

  async publish({ subject, message, id }: Publication, timeoutMs: number): Promise<Published> {
    const headers = writeOrigin(this.headers(), message);
    const { payload } = message;
    const { seq, duplicate } = await this.#client.publish(subject, payload, {
      msgID: id,
      headers,
      timeout: timeoutMs,
    });
    return { seq, isDuplicate: duplicate };
  }

  /** The last message of a subject. One that has none is given a marker, so that its position is the number of a message. */
  async last(subject: string): Promise<StreamRecord> {
    for (;;) {
      const last = await this.#get({ last_by_subj: subject });
      if (last !== undefined) return last;
      const headers = writeMarker(this.headers());
      try {
        const expect = { lastSubjectSequence: 0 };
        const { seq } = await this.#turns.take(() => this.#client.publish(subject, '', { headers, expect }));
        return { seq, message: undefined, storedAt: Date.now() };
      } catch (thrown) {
        // Somebody else was faster: then there is a last message now.
        if ((thrown as { code?: unknown }).code !== WRONG_LAST_SEQUENCE) throw thrown;
      }
    }
  }

  /** Messages of a subject, in order. */
  async read(subject: string, { after, upTo, limit }: Range): Promise<Reading> {
    const records: StreamRecord[] = [];
    for (let at = after; at < upTo && records.length < limit;) {
      const next = await this.#next(subject, at + 1);
      if (next === undefined || next.seq > upTo) break;
      records.push(next);
      at = next.seq;
    }
    // The oldest go first, and may have gone while we read: what is as old as the oldest that is left was not missed.
    const oldest = (await this.#next(subject, 1))?.seq ?? Infinity;
    if (oldest <= after) return { records, isComplete: true };
    return { records: records.filter(({ seq }) => seq >= oldest), isComplete: false };
  }

  /** What is kept of a subject in a range, but for markers. */
  async replay(subject: string, after: number, upTo: number): Promise<Replay> {
    const { records, isComplete } = await this.read(subject, { after, upTo, limit: Infinity });
    const messages = records.flatMap(({ message }): StoredMessage[] =>
      message === undefined ? [] : [message],
    );
    // NATS keeps one more, to show that nothing is missing after it.
    return { messages: messages.slice(-this.#world.settings.maxMessages), isComplete };
  }

  #next(subject: string, from: number): Promise<StreamRecord | undefined> {
    return this.#get({ seq: from, next_by_subj: subject });
  }

  /**
   * From the stream's leader: a replica, which would answer a direct get, may be behind. The types of the package know
   * nothing of `next_by_subj` here; nats-server does, from 2.9 on.
   */
  async #get(
    query: { last_by_subj: string } | { seq: number; next_by_subj: string },
  ): Promise<StreamRecord | undefined> {
    const name = this.#world.subjects.stream;
    const stored = await this.#turns.take(() => this.#manager.streams.getMessage(name, query));
    if (stored === null) return undefined;
    const { seq, header, time } = stored;
    return readRecord({ seq, storedAt: time.getTime(), headers: header, text: () => stored.string() });
  }
}

const WRONG_LAST_SEQUENCE = 10_071;

async function infoOf(manager: JetStreamManager, name: string): Promise<StreamInfo | undefined> {
  try {
    return await manager.streams.info(name);
  } catch (thrown) {
    if ((thrown as { name?: unknown }).name === 'StreamNotFoundError') return undefined;
    throw thrown;
  }
}

async function make(
  { connection, subjects }: StreamWorld,
  manager: JetStreamManager,
  config: Partial<StreamConfig>,
): Promise<StreamInfo> {
  const name = subjects.stream;
  try {
    const info = await manager.streams.add({ name, ...config });
    // Whoever followed an older one of this name hears nothing any more, and must be told why.
    connection.publish(subjects.renewed);
    return info;
  } catch (thrown) {
    const info = isStreamAway(thrown) ? undefined : await infoOf(manager, name);
    if (info === undefined) throw thrown;
    return info;
  }
}

function differencesOf(wanted: Partial<StreamConfig>, found: StreamConfig): readonly string[] {
  return Object.entries(wanted).flatMap(([name, value]) => {
    const actual: unknown = found[name as keyof StreamConfig];
    const [is, wants] = [actual ?? 'absent', value].map((setting) => JSON.stringify(setting));
    return is === wants ? [] : [`${name} is ${is}, wanted ${wants}`];
  });
}
