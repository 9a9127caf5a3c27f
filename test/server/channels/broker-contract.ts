// What every broker does, whatever it keeps messages in: one suite for all of them.
import { afterEach, beforeEach, expect, it } from 'vitest';
import type {
  Broker,
  Following,
  NewMessage,
  Published,
  StoredMessage,
} from '../../../src/server/channels/broker.ts';
import { until } from '../../../src/testing/wait.ts';

/** What a broker handed on of one channel, and what it said about it. */
export class Ear {
  readonly heard: StoredMessage[] = [];
  readonly lost: string[] = [];
  #following: Following | undefined;

  static async follow(broker: Broker, channel: string): Promise<Ear> {
    const ear = new Ear();
    ear.#following = await broker.follow(channel, {
      onMessage: (message) => ear.heard.push(message),
      onLost: (reason) => ear.lost.push(reason),
    });
    return ear;
  }

  get following(): Following {
    if (this.#following === undefined) throw new Error('It does not follow yet.');
    return this.#following;
  }

  get payloads(): readonly unknown[] {
    return this.heard.map(({ payload }): unknown => JSON.parse(payload));
  }

  /** Waits until so many messages have come. */
  async hears(count: number, timeoutMs = 5_000): Promise<readonly unknown[]> {
    const describe = () => `${count} messages, came ${this.heard.length}; lost: ${this.lost.join()}`;
    await until(() => this.heard.length >= count, { describe, timeoutMs });
    return this.payloads;
  }
}

export const newMessage = (payload: unknown, more: Partial<NewMessage> = {}): NewMessage => ({
  payload: JSON.stringify(payload),
  messageId: undefined,
  publisher: 'somebody',
  ...more,
});

/** Publishes one after the other without waiting in between, as a hub does. */
export const publishAll = (
  broker: Broker,
  channel: string,
  payloads: readonly unknown[],
): Promise<readonly Published[]> =>
  Promise.all(payloads.map((payload) => broker.publish(channel, newMessage(payload))));

export const numbers = (count: number, from = 0): readonly number[] =>
  Array.from({ length: count }, (_, index) => from + index);

const MAX_MESSAGES = 10;

const ODD_NAMES = [
  'a.b',
  '*',
  '>',
  'a b',
  ' ',
  '\r\n',
  '"',
  '\u0000',
  'é',
  'e\u0301',
  '通道',
  '🚀',
  '\ud800',
  '\udfff',
  '\ufffd',
  'A',
  'a',
  '=0061',
  '__proto__',
  '$JS.API.INFO',
  'x'.repeat(200),
  '\uffff'.repeat(200),
];

/** @param makeBroker one that keeps so many messages of each channel, and that shares nothing with earlier ones */
export function brokerContract(makeBroker: (maxMessages: number) => Broker): void {
  let broker: Broker;

  beforeEach(() => {
    broker = makeBroker(MAX_MESSAGES);
  });

  afterEach(async () => {
    await broker.close();
  });

  it('hands on what is published while it is followed, in order and whole', async () => {
    const ear = await Ear.follow(broker, 'news');
    const [first, second] = await Promise.all([
      broker.publish('news', { payload: '{"a":1}', messageId: 'm1', publisher: 'p1' }),
      broker.publish('news', { payload: '[null]', messageId: undefined, publisher: 'p2' }),
    ]);
    await ear.hears(2);
    expect(ear.heard).toEqual([
      { seq: first.seq, payload: '{"a":1}', messageId: 'm1', publisher: 'p1' },
      { seq: second.seq, payload: '[null]', messageId: undefined, publisher: 'p2' },
    ]);
    expect(second.seq).toBeGreaterThan(first.seq);
    expect(first.isDuplicate).toBe(false);
  });

  it('keeps the order of many that are published at once', async () => {
    const ear = await Ear.follow(broker, 'news');
    const published = await publishAll(broker, 'news', numbers(500));
    expect(await ear.hears(500)).toEqual(numbers(500));
    expect(ear.heard.map(({ seq }) => seq)).toEqual(published.map(({ seq }) => seq));
  });

  it('keeps one message that is published twice under one id, and tells its number', async () => {
    const ear = await Ear.follow(broker, 'news');
    const message = newMessage('once', { messageId: 'the id' });
    const first = await broker.publish('news', message);
    const again = await broker.publish('news', { ...message, publisher: 'somebody else' });
    expect(again).toEqual({ seq: first.seq, isDuplicate: true });
    await broker.publish('news', newMessage('after it'));
    expect(await ear.hears(2)).toEqual(['once', 'after it']);
  });

  it('tells ids of different channels apart, and takes any string as one', async () => {
    const ids = ['a', ' a', 'a\r\nb: c', '', '😀', '\ud800', '\udbff', 'x'.repeat(5_000)];
    const ear = await Ear.follow(broker, 'news');
    for (const messageId of ids) await broker.publish('news', newMessage(0, { messageId }));
    await ear.hears(ids.length);
    expect(ear.heard.map(({ messageId }) => messageId)).toEqual(ids);
    const elsewhere = await broker.publish('sports', newMessage(0, { messageId: 'a' }));
    expect(elsewhere.isDuplicate).toBe(false);
  });

  it('follows from now on: what came before is the position, and is not handed on', async () => {
    const [published] = await publishAll(broker, 'news', ['before']);
    const ear = await Ear.follow(broker, 'news');
    expect(ear.following.position).toBe(published?.seq);
    await publishAll(broker, 'news', ['after']);
    expect(await ear.hears(1)).toEqual(['after']);
    expect(ear.heard[0]?.seq).toBeGreaterThan(ear.following.position);
  });

  it('misses nothing that is published while it begins to follow', async () => {
    const publishing = publishAll(broker, 'news', numbers(200));
    const ear = await Ear.follow(broker, 'news');
    const published = await publishing;
    const later = published.filter(({ seq }) => seq > ear.following.position).map(({ seq }) => seq);
    await ear.hears(later.length);
    await publishAll(broker, 'news', ['the end']);
    await ear.hears(later.length + 1);
    expect(ear.heard.slice(0, -1).map(({ seq }) => seq)).toEqual(later);
  });

  it('hands everything to each of two followers, and goes on for one when the other stops', async () => {
    const [one, other] = [await Ear.follow(broker, 'news'), await Ear.follow(broker, 'news')];
    expect(other.following).toMatchObject({
      epoch: one.following.epoch,
      position: one.following.position,
    });
    await publishAll(broker, 'news', [1, 2]);
    await Promise.all([one.hears(2), other.hears(2)]);
    await one.following.stop();
    await publishAll(broker, 'news', [3]);
    expect(await other.hears(3)).toEqual([1, 2, 3]);
    expect(one.payloads).toEqual([1, 2]);
    expect([one.lost, other.lost]).toEqual([[], []]);
  });

  it('can be followed again after it was stopped, in the same epoch', async () => {
    const first = await Ear.follow(broker, 'news');
    await first.following.stop();
    await first.following.stop();
    const published = await broker.publish('news', newMessage('meanwhile'));
    const second = await Ear.follow(broker, 'news');
    expect(second.following).toMatchObject({ epoch: first.following.epoch, position: published.seq });
    const { messages, isComplete } = await broker.replay('news', {
      after: first.following.position,
      upTo: published.seq,
    });
    expect(isComplete).toBe(true);
    expect(messages.map(({ payload }) => payload)).toEqual(['"meanwhile"']);
  });

  it('replays what lies between two numbers, and says that nothing is missing', async () => {
    const ear = await Ear.follow(broker, 'news');
    const seqs = (await publishAll(broker, 'news', numbers(6))).map(({ seq }) => seq);
    await ear.hears(6);
    const ask = (after: number, upTo: number) => broker.replay('news', { after, upTo });
    expect(await ask(ear.following.position, seqs[5] ?? 0)).toEqual({
      messages: ear.heard,
      isComplete: true,
    });
    expect(await ask(seqs[1] ?? 0, seqs[3] ?? 0)).toEqual({
      messages: ear.heard.slice(2, 4),
      isComplete: true,
    });
    expect(await ask(seqs[5] ?? 0, seqs[5] ?? 0)).toEqual({ messages: [], isComplete: true });
  });

  it('keeps so many messages of each channel, and says when some are missing', async () => {
    const ear = await Ear.follow(broker, 'news');
    const quiet = await Ear.follow(broker, 'quiet');
    await publishAll(broker, 'quiet', ['still there']);
    await publishAll(broker, 'news', numbers(MAX_MESSAGES + 5));
    await ear.hears(MAX_MESSAGES + 5);
    const seqOf = (index: number) => ear.heard.at(index)?.seq ?? 0;
    const head = seqOf(-1);
    const whole = await broker.replay('news', { after: seqOf(-MAX_MESSAGES - 1), upTo: head });
    expect(whole).toEqual({ messages: ear.heard.slice(-MAX_MESSAGES), isComplete: true });
    const rest = await broker.replay('news', { after: ear.following.position, upTo: head });
    expect(rest).toEqual({ messages: ear.heard.slice(-MAX_MESSAGES), isComplete: false });
    const untouched = await broker.replay('quiet', { after: quiet.following.position, upTo: head });
    expect(untouched.isComplete).toBe(true);
    expect(untouched.messages).toHaveLength(1);
  });

  it('takes any name of a channel, and confuses no two', async () => {
    const ears = await Promise.all(ODD_NAMES.map((name) => Ear.follow(broker, name)));
    await Promise.all(ODD_NAMES.map((name, index) => publishAll(broker, name, [index])));
    await Promise.all(ears.map((ear) => ear.hears(1)));
    await Promise.all(ODD_NAMES.map((name) => publishAll(broker, name, ['end'])));
    await Promise.all(ears.map((ear) => ear.hears(2)));
    expect(ears.map(({ payloads }) => payloads)).toEqual(ODD_NAMES.map((_, index) => [index, 'end']));
  });

  it('carries 64 KiB, and every character as it was', async () => {
    const ear = await Ear.follow(broker, 'news');
    const payloads = [
      { text: 'x'.repeat(65_536) },
      { text: '語'.repeat(21_845) },
      'ünï 😀 \u0000 \u2028 \ud800 \r\n " \\',
      { '__proto__ 😀': [1e21, -0.5, null, true] },
    ];
    const published = await publishAll(broker, 'news', payloads);
    expect(await ear.hears(4)).toEqual(payloads);
    const replayed = await broker.replay('news', {
      after: ear.following.position,
      upTo: published.at(-1)?.seq ?? 0,
    });
    expect(replayed).toEqual({ messages: ear.heard, isComplete: true });
  });
}
