// What needs no socket: the protocol with arrays of frames, the account of a crawl with arrays of messages, the queue
// with a clock in the hand, and the figures.
import { encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { Account } from '../../src/crawl/account.ts';
import { readFrame, readText } from '../../src/crawl/decoding.ts';
import { Inbox } from '../../src/crawl/inbox.ts';
import { crawlProtocol } from '../../src/crawl/index.ts';
import { MetricsRecorder, SlownessGauge } from '../../src/crawl/metrics.ts';
import { endpointOf } from '../../src/crawl/protocol.ts';
import { Tally } from '../../src/crawl/tally.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { A, B, C, page, say, urlsOf } from './setup.ts';

const result = (index: number, url = A) => ({
  index,
  result: page(url),
  progress: { completed: 0, total: 0, success_rate: 0 },
});

const STATUS = {
  session_id: 's',
  is_healthy: true,
  connected_duration_ms: 1,
  message_count: 2,
  backpressure_count: 0,
};

describe('the protocol', () => {
  const protocol = crawlProtocol('json');

  it('says nothing, and is accepted with the welcome, which is a message too', () => {
    const handshake = protocol.handshake?.(undefined);
    const step = handshake?.receive(JSON.stringify(say.welcome(['crawl', 'multiplexing'])));
    const welcome = {
      type: 'welcome',
      data: say.welcome(['crawl', 'multiplexing']).data,
      timestamp: say.welcome().timestamp,
      encoding: 'json',
    };

    expect(handshake?.opening).toEqual([]);
    expect(step).toEqual({ status: 'accepted', welcome, messages: [welcome] });
  });

  it('tells by the kind of its frame how the server writes', () => {
    const binary = crawlProtocol('messagepack');
    const encodings = [JSON.stringify(say.welcome()), encode(say.welcome())].map((frame) => {
      const step = binary.handshake?.(undefined).receive(frame);
      return step?.status === 'accepted' ? step.welcome.encoding : step;
    });

    expect(encodings).toEqual(['json', 'messagepack']);
  });

  it.each([
    ['{}', 'Expected a welcome, got a message without a known type.'],
    ['[]', 'Expected a welcome, got what cannot be read: Expected an object, got an array.'],
    [JSON.stringify(say.summary(1)), 'Expected a welcome, got a summary.'],
  ])('rejects %s in its place', (frame, explanation) => {
    expect(protocol.handshake?.(undefined).receive(frame)).toMatchObject({
      status: 'rejected',
      code: 'HANDSHAKE_FAILED',
      cure: 'retry',
      explanation,
    });
  });

  it('reads the seven types of messages, with the ids of their requests', () => {
    const messages = [
      say.metadata(1, '7'),
      say.result(0, A, '7'),
      say.summary(1, '7'),
      say.error('x', 'y', '7'),
      { message_type: 'pong', data: { timestamp: 't', session_id: 's' }, request_id: '7' },
      { message_type: 'status', data: STATUS, request_id: '7' },
    ];

    expect(messages.map((message) => protocol.decode(JSON.stringify(message)))).toEqual(
      messages.map(({ message_type: type, data, ...rest }) => ({
        type,
        data,
        timestamp: (rest as { timestamp?: string }).timestamp ?? null,
        requestId: '7',
      })),
    );
  });

  it('never throws for a frame, whatever it is', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.uint8Array(), fc.json()), (frame) => {
        for (const encoding of ['json', 'messagepack'] as const)
          expect(readFrame(frame, encoding).type).toBeTypeOf('string');
      }),
    );
  });

  it('shows no more of an unreadable frame than anyone will read', () => {
    const event = readText('x'.repeat(5_000));

    expect(event.type === 'unreadable' && event.data.raw?.length).toBe(1_000);
  });

  it.each([
    ['http://h/', 'ws://h/crawl/ws', 'http://h/crawl/ws'],
    [
      'https://h:8/api?x=http://y/#z',
      'wss://h:8/api/crawl/ws?x=http://y/',
      'https://h:8/api/crawl/ws?x=http://y/',
    ],
    ['wss://h/crawl/ws/', 'wss://h/crawl/ws', 'https://h/crawl/ws'],
  ])('finds the endpoints of %s', (base, ws, http) => {
    expect([endpointOf(base, '/crawl/ws'), endpointOf(new URL(base), '/crawl/ws', 'http')]).toEqual([
      ws,
      http,
    ]);
  });
});

describe('the tally', () => {
  it('gives every place one result, however its requests are cut', () => {
    const cuts = fc.array(fc.record({ answered: fc.nat(12), seed: fc.nat(), repeats: fc.boolean() }), {
      maxLength: 30,
    });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 12 }),
        cuts,
        (count, maxUrls, rounds) => {
          const urls = urlsOf(count);
          const tally = new Tally(urls, maxUrls);
          const seen: number[] = [];
          const progress: number[] = [];
          const answer = (asked: readonly string[], indexes: readonly number[]) => {
            for (const index of indexes) {
              const told = tally.result(result(index, asked[index] ?? ''));
              if (told === undefined) continue;
              expect(urls[told.index]).toBe(told.result.url);
              seen.push(told.index);
              progress.push(told.progress.completed);
            }
          };
          for (const { answered, seed, repeats } of rounds) {
            const asked = tally.nextRequest();
            const indexes = shuffled([...asked.keys()], seed).slice(0, answered);
            answer(asked, repeats ? [...indexes, ...indexes, asked.length] : indexes);
          }
          for (let asked = tally.nextRequest(); asked.length > 0; asked = tally.nextRequest())
            answer(asked, [...asked.keys()]);

          expect(seen.toSorted((a, b) => a - b)).toEqual([...urls.keys()]);
          expect(progress).toEqual(urls.map((_, place) => place + 1));
          expect([tally.isComplete, tally.missingUrls]).toEqual([true, []]);
        },
      ),
    );
  });

  it('names what is missing in the order of the list', () => {
    const tally = new Tally([A, B, C], 2);
    tally.nextRequest();
    tally.result(result(0));

    expect(tally.missingUrls).toEqual([B, C]);
  });
});

const shuffled = (indexes: readonly number[], seed: number): number[] =>
  indexes.toSorted((a, b) => ((a * 7919 + seed) % 13) - ((b * 7919 + seed) % 13));

describe('the account', () => {
  const accountOf = (urls = [A, B]) => {
    const account = new Account(
      urls,
      { maxUrlsPerRequest: 100, maxFruitless: 1 },
      new MetricsRecorder(new VirtualClock()),
    );
    account.nextRequest();
    return account;
  };
  const hear = (account: Account, message: object, answers = true) =>
    account.hear(readText(JSON.stringify(message)), answers, 9);

  it('says what each message leads to', () => {
    const account = accountOf();
    const steps = [
      say.metadata(9),
      say.metadata(9),
      { message_type: 'pong', data: { timestamp: 't', session_id: 's' } },
      say.result(0, A),
      say.error('backpressure', 'Too slow.'),
    ].map((message) => hear(account, message));

    expect(steps.map(({ tell, ask, end }) => [tell?.type, ask, end])).toEqual([
      ['metadata', undefined, undefined],
      [undefined, undefined, undefined],
      [undefined, undefined, undefined],
      ['result', undefined, undefined],
      ['error', 'later', undefined],
    ]);
  });

  it('is not concerned with what answers somebody else', () => {
    const account = accountOf();

    expect(
      [say.result(0, A), say.summary(2), say.metadata(2)].map((message) => hear(account, message, false)),
    ).toEqual([{}, {}, {}]);
    expect(hear(account, say.error('validation_error', 'No.'), false).end).toBeUndefined();
  });

  it('gives up when it was asked in vain too often in a row', () => {
    const account = accountOf();
    expect(account.lost('Lost.', 0)).toEqual({ ask: 'now' });
    account.nextRequest();
    hear(account, say.result(0, A));
    expect(account.lost('Lost.', 0)).toEqual({ ask: 'now' });
    account.nextRequest();
    expect(account.lost('Lost.', 0)).toEqual({ ask: 'now' });
    account.nextRequest();

    expect(account.lost('Lost again.', 0).end).toMatchObject({ code: 'CRAWL_INCOMPLETE', missingUrls: [B] });
  });
});

describe('the queue of a consumer', () => {
  const inboxOf = (maxItems: number) => {
    const clock = new VirtualClock();
    const events = { full: vi.fn(), roomy: vi.fn() };
    return { clock, events, inbox: new Inbox<number>(clock, maxItems, events) };
  };

  it('hands over in order, and tells once when it is full and once when there is room', async () => {
    const { inbox, events } = inboxOf(4);
    const rooms = [1, 2, 3, 4, 5].map((item) => inbox.push(item));
    expect([rooms[2], rooms[3] instanceof Promise, events.full.mock.calls.length]).toEqual([
      undefined,
      true,
      1,
    ]);
    const read = [await inbox.next(1), await inbox.next(1)];
    expect(events.roomy).not.toHaveBeenCalled();
    read.push(await inbox.next(1));
    await rooms[3];

    expect([read, events.roomy.mock.calls.length]).toEqual([[1, 2, 3], 1]);
  });

  it('loses nothing that comes in the moment in which a reader is answered, or gives up', async () => {
    const { inbox, clock } = inboxOf(4);
    const first = inbox.next(10);
    void inbox.push(1);
    void inbox.push(2);
    expect([await first, await inbox.next(10)]).toEqual([1, 2]);
    const late = inbox.next(10);
    clock.advance(10);
    void inbox.push(3);

    expect([await late, await inbox.next(10), clock.pending]).toEqual([undefined, 3, 0]);
  });

  it('ends with its reason once what waits is read, or at once', async () => {
    const { inbox } = inboxOf(4);
    void inbox.push(1);
    inbox.end('over');
    inbox.end('later');
    expect(await inbox.next(1)).toBe(1);
    await expect(inbox.next(1)).rejects.toBe('over');
    inbox.end('dropped', 'dropped');
    await expect(inbox.next(1)).rejects.toBe('dropped');

    expect(inbox.push(2)).toBeUndefined();
  });
});

describe('metrics (S1-39)', () => {
  it('take the average of what sessions lasted', () => {
    const metrics = new MetricsRecorder(new VirtualClock());
    for (const ms of [30_000, 60_000, 90_000]) metrics.sessions.record(ms);

    expect(metrics.report([]).connections.averageMs).toBe(60_000);
  });

  it.each([
    [0, 0, 1],
    [5, 1, 0.8],
    [5, 0, 1],
  ])('give, of %i sessions of which %i were lost, a health of %d', (opened, lost, ratio) => {
    const metrics = Object.assign(new MetricsRecorder(new VirtualClock()), {
      sessionsOpened: opened,
      sessionsLost: lost,
    });

    expect(metrics.report([]).connections.healthRatio).toBe(ratio);
  });

  it.each([
    ['30 of 150 ms', Array<number>(30).fill(150), true],
    ['24 of 150 ms', Array<number>(24).fill(150), false],
    ['10 slow ones of 100', Array.from({ length: 100 }, (_, place) => (place % 10 === 0 ? 150 : 5)), false],
    ['slow ones that are long past', [...Array<number>(60).fill(150), ...Array<number>(50).fill(1)], false],
  ])('take a consumer for slow after %s: %s', (_, samples, isSlow) => {
    const gauge = new SlownessGauge();
    for (const ms of samples) gauge.record(ms);

    expect(gauge.isSlow).toBe(isSlow);
  });
});
