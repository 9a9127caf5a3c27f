// The outbox alone: order, bounds, time to live, and back-pressure.
import { describe, expect, test } from 'vitest';
import { DEFAULTS } from '../src/options.ts';
import { Outbox } from '../src/outbox.ts';
import { rejectionOf, watch } from './support/connected.ts';
import { aLink, codeOf, encode, made, say, type Message } from './support/outbox.ts';

describe('a message', () => {
  test('is written at once while a link is there', () => {
    const { outbox } = made();
    const link = aLink();
    outbox.write(link);

    expect(outbox.send(say('one'))).toBe(true);

    expect(link.sent).toEqual(['one']);
    expect(outbox.messagesOut).toBe(1);
  });

  test('waits for a link, in order', () => {
    const { outbox } = made();
    for (const text of ['one', 'two', 'three']) outbox.send(say(text));
    expect(outbox.waitingMessages).toBe(3);
    const link = aLink();

    outbox.write(link);

    expect(link.sent).toEqual(['one', 'two', 'three']);
    expect(outbox.waitingMessages).toBe(0);
  });

  test('keeps its place behind those that were sent before the loss', () => {
    const { outbox } = made();
    outbox.write(aLink());
    outbox.send(say('one'));
    outbox.queue();
    outbox.send(say('two'));
    void outbox.deliver(say('three'), {});
    outbox.send(say('four'));
    const second = aLink();

    outbox.write(second);

    expect(second.sent).toEqual(['two', 'three', 'four']);
  });

  test('is refused when the connection has ended', async () => {
    const { outbox } = made();
    outbox.refuse('closed');

    expect(() => outbox.send(say('one'))).toThrow(expect.objectContaining({ code: 'MESSAGE_UNDELIVERED' }));
    expect(await codeOf(outbox.deliver(say('two'), {}))).toBe('MESSAGE_UNDELIVERED');
  });

  test('that waits is dropped when the connection ends', async () => {
    const { outbox, dropped } = made();
    outbox.send(say('one'));
    const delivery = outbox.deliver(say('two'), {});

    outbox.refuse('failed');

    expect(dropped).toEqual([['one', 'MESSAGE_UNDELIVERED']]);
    expect(await rejectionOf(delivery)).toMatchObject({
      code: 'MESSAGE_UNDELIVERED',
      message: 'The message was not sent: the connection is failed.',
    });
    expect(outbox.droppedMessages).toBe(2);
  });
});

describe('the bounds', () => {
  test('count messages', () => {
    const { outbox } = made({ maxMessages: 2 });
    outbox.send(say('one'));
    outbox.send(say('two'));

    expect(() => outbox.send(say('three'))).toThrow(
      expect.objectContaining({ code: 'OUTBOX_FULL', details: { messages: 2, bytes: 6 } }),
    );
  });

  test('count bytes as they are sent', () => {
    const { outbox } = made({ maxBytes: 8 });
    outbox.send(say('äöü'));
    outbox.send(say('xx'));

    expect(() => outbox.send(say('y'))).toThrow(expect.objectContaining({ code: 'OUTBOX_FULL' }));
  });

  test('let a message in again when one has left', () => {
    const { outbox, clock } = made({ maxMessages: 1, ttlMs: 100 });
    outbox.send(say('one'));
    clock.advance(100);

    expect(() => outbox.send(say('two'))).not.toThrow();
  });

  test('hold for what is sent and not acknowledged, too', async () => {
    const { outbox } = made({ maxMessages: 3 });
    outbox.write(aLink());
    const deliveries = Array.from({ length: 10 }, (_, index) =>
      watch(outbox.deliver({ id: `m${index}` }, {})),
    );
    outbox.queue();
    await Promise.resolve();

    expect(outbox.waitingMessages).toBeLessThanOrEqual(3);
    expect(deliveries).toHaveLength(10);
  });

  test('are the same for send() and deliver() on an open link', async () => {
    const { outbox } = made({ maxBytes: 4 });
    const link = aLink();
    outbox.write(link);

    outbox.send(say('12345'));
    const delivery = watch(outbox.deliver(say('67890'), {}));
    link.drain();
    await Promise.resolve();

    expect(link.sent).toEqual(['12345', '67890']);
    expect(delivery.outcome).toEqual({ resolved: { outcome: 'flushed' } });
  });
});

describe('at the limit', () => {
  test('`reject` throws, and rejects a delivery', async () => {
    const { outbox } = made({ maxMessages: 1 });
    outbox.send(say('one'));

    expect(() => outbox.send(say('two'))).toThrow(expect.objectContaining({ code: 'OUTBOX_FULL' }));
    expect(await codeOf(outbox.deliver(say('three'), {}))).toBe('OUTBOX_FULL');
    expect(outbox.waitingMessages).toBe(1);
  });

  test('`drop-oldest` drops as many of the oldest as it takes', async () => {
    const { outbox, dropped } = made({ maxBytes: 6, overflow: 'drop-oldest' });
    const oldest = outbox.deliver(say('one'), {});
    outbox.send(say('two'));

    outbox.send(say('sixsix'));

    expect(await codeOf(oldest)).toBe('MESSAGE_DROPPED');
    expect(dropped).toEqual([['two', 'MESSAGE_DROPPED']]);
    const link = aLink();
    outbox.write(link);
    expect(link.sent).toEqual(['sixsix']);
  });

  test('`drop-oldest` drops nothing for a message that never has room', () => {
    const { outbox, dropped } = made({ maxBytes: 6, overflow: 'drop-oldest' });
    outbox.send(say('one'));

    expect(() => outbox.send(say('sevenxx'))).toThrow(expect.objectContaining({ code: 'OUTBOX_FULL' }));

    expect([dropped, outbox.waitingMessages]).toEqual([[], 1]);
  });

  test('`drop-newest` drops the message that came last', async () => {
    const { outbox, dropped } = made({ maxMessages: 1, overflow: 'drop-newest' });
    outbox.send(say('one'));

    outbox.send(say('two'));

    expect(dropped).toEqual([['two', 'MESSAGE_DROPPED']]);
    expect(await codeOf(outbox.deliver(say('three'), {}))).toBe('MESSAGE_DROPPED');
    expect([outbox.waitingMessages, outbox.droppedMessages]).toEqual([1, 2]);
  });
});

describe('the time to live', () => {
  test('ends the wait of a message, which is never sent', async () => {
    const { outbox, clock, dropped } = made({ ttlMs: 100 });
    outbox.send(say('one'));
    const delivery = outbox.deliver(say('two'), { ttlMs: 50 });

    clock.advance(50);
    expect(await rejectionOf(delivery)).toMatchObject({ code: 'MESSAGE_EXPIRED', details: { ttlMs: 50 } });
    clock.advance(50);

    expect(dropped).toEqual([['one', 'MESSAGE_EXPIRED']]);
    const link = aLink();
    outbox.write(link);
    expect(link.sent).toEqual([]);
    expect(outbox.expiredMessages).toBe(2);
  });

  test('leaves no timer once the message is sent', () => {
    const { outbox, clock } = made({ ttlMs: 100 });
    outbox.send(say('one'));

    outbox.write(aLink());

    expect(clock.pending).toBe(0);
  });

  test('holds even where the timers are late', async () => {
    const { clock } = made();
    // A page that was frozen hears of its socket before its timers fire.
    const lateClock = { now: () => clock.now(), setTimeout: () => undefined, clearTimeout: () => undefined };
    const outbox = new Outbox<Message, Message>({ ...DEFAULTS.outbox, ttlMs: 100 }, { encode }, lateClock, {
      dropped: () => undefined,
      drained: () => undefined,
    });
    outbox.send(say('one'));
    const delivery = watch(outbox.deliver(say('two'), {}));
    clock.advance(101);
    const link = aLink();

    outbox.write(link);
    await Promise.resolve();
    await Promise.resolve();

    expect(link.sent).toEqual([]);
    expect(delivery.outcome).toMatchObject({ rejected: { code: 'MESSAGE_EXPIRED' } });
  });

  test('bounds the wait for an acknowledgement as well', async () => {
    const { outbox, clock } = made();
    outbox.write(aLink());
    const delivery = watch(outbox.deliver({ id: 'a' }, { ttlMs: 100 }));

    clock.advance(100);
    await Promise.resolve();
    await Promise.resolve();

    expect(delivery.outcome).toMatchObject({ rejected: { code: 'DELIVERY_UNKNOWN' } });
  });
});

describe('back-pressure', () => {
  test('send() returns false above the high-water mark, and drained() waits', async () => {
    const { outbox, drains } = made({ highWaterBytes: 100 });
    const link = aLink();
    outbox.write(link);
    expect(outbox.send(say('one'))).toBe(true);
    link.bufferedBytes = 100;
    expect(outbox.send(say('two'))).toBe(false);
    const drained = watch(outbox.drained());
    await Promise.resolve();
    expect([drained.outcome, drains()]).toEqual(['pending', 0]);

    link.drain();
    await Promise.resolve();

    expect([drained.outcome, drains()]).toEqual([{ resolved: undefined }, 1]);
  });

  test('keeps back what is above the mark, and writes it in order', () => {
    const { outbox } = made({ highWaterBytes: 100 });
    const link = aLink();
    outbox.write(link);
    link.bufferedBytes = 100;
    for (const text of ['one', 'two', 'three']) outbox.send(say(text));
    expect(link.sent).toEqual([]);

    link.drain();

    expect(link.sent).toEqual(['one', 'two', 'three']);
  });

  test('does not let a later message overtake one that is kept back', () => {
    const { outbox } = made({ highWaterBytes: 100 });
    const link = aLink();
    outbox.write(link);
    link.bufferedBytes = 100;
    outbox.send(say('one'));
    link.bufferedBytes = 0;
    outbox.send(say('two'));

    link.drain();

    expect(link.sent).toEqual(['one', 'two']);
  });

  test('drained() resolves at once below the mark', async () => {
    const { outbox } = made();

    await expect(outbox.drained()).resolves.toBeUndefined();
  });

  test('drained() waits for the next link when this one is lost', async () => {
    const { outbox, drains } = made({ highWaterBytes: 3 });
    expect(outbox.send(say('one'))).toBe(false);
    const drained = watch(outbox.drained());
    const link = aLink();

    outbox.write(link);
    await Promise.resolve();

    expect([link.sent, drained.outcome, drains()]).toEqual([['one'], { resolved: undefined }, 1]);
  });

  test('drained() rejects when the connection ends', async () => {
    const { outbox } = made({ highWaterBytes: 3 });
    outbox.send(say('one'));
    const drained = outbox.drained();

    outbox.refuse('failed');

    expect(await codeOf(drained)).toBe('MESSAGE_UNDELIVERED');
  });

  test('drained() resolves when what waited has expired', async () => {
    const { outbox, clock, drains } = made({ highWaterBytes: 3, ttlMs: 100 });
    outbox.send(say('one'));
    const drained = watch(outbox.drained());

    clock.advance(100);
    await Promise.resolve();

    expect([drained.outcome, drains()]).toEqual([{ resolved: undefined }, 1]);
  });

  test('drained() resolves when what waited was cancelled', async () => {
    const { outbox } = made({ highWaterBytes: 3 });
    const abort = new AbortController();
    outbox.deliver(say('one'), { signal: abort.signal }).catch(() => undefined);
    const drained = watch(outbox.drained());

    abort.abort();
    await Promise.resolve();

    expect(drained.outcome).toEqual({ resolved: undefined });
  });
});

describe('flushTo()', () => {
  test('hands over everything that waits, above the mark too', () => {
    const { outbox } = made({ highWaterBytes: 1 });
    const link = aLink();
    outbox.send(say('one'));
    outbox.send(say('two'));
    link.bufferedBytes = 1_000;

    outbox.flushTo(link);

    expect(link.sent).toEqual(['one', 'two']);
  });
});
