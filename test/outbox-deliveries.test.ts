// Each delivery has one outcome: flushed, acknowledged, cancelled, or not known.
import { describe, expect, test } from 'vitest';
import { rejectionOf, watch } from './support/connected.ts';
import { aLink, codeOf, made, say } from './support/outbox.ts';

describe('cancelling a delivery', () => {
  test('that waits rejects with the reason, and the message is never sent', async () => {
    const { outbox, clock } = made({ ttlMs: 1_000 });
    const abort = new AbortController();
    const delivery = outbox.deliver(say('one'), { signal: abort.signal });

    abort.abort('not needed');

    expect(await rejectionOf(delivery)).toBe('not needed');
    const link = aLink();
    outbox.write(link);
    expect([link.sent, clock.pending, outbox.waitingMessages]).toEqual([[], 0, 0]);
  });

  test('before it began does nothing', async () => {
    const { outbox } = made();

    expect(await rejectionOf(outbox.deliver(say('one'), { signal: AbortSignal.abort('no') }))).toBe('no');

    expect(outbox.waitingMessages).toBe(0);
  });

  test('that was handed over is too late', async () => {
    const { outbox } = made();
    const link = aLink();
    outbox.write(link);
    const abort = new AbortController();
    const delivery = outbox.deliver(say('one'), { signal: abort.signal });
    abort.abort('too late');
    link.drain();

    expect(await delivery).toEqual({ outcome: 'flushed' });
  });

  test('that waits for its acknowledgement tells that nobody knows, and it is not resent', async () => {
    const { outbox } = made();
    outbox.write(aLink());
    const abort = new AbortController();
    const delivery = outbox.deliver({ id: 'a' }, { signal: abort.signal });
    abort.abort('enough');

    expect(await rejectionOf(delivery)).toMatchObject({ code: 'DELIVERY_UNKNOWN', cause: 'enough' });
    outbox.queue();
    const second = aLink();
    outbox.write(second);
    expect(second.sent).toEqual([]);
  });

  test('forgets the signal once the delivery is settled', async () => {
    const { outbox } = made();
    const link = aLink();
    outbox.write(link);
    const { signal } = new AbortController();
    let listeners = 0;
    const counted = Object.assign(signal, {
      addEventListener: () => (listeners += 1),
      removeEventListener: () => (listeners -= 1),
    });
    const delivery = outbox.deliver(say('one'), { signal: counted });
    expect(listeners).toBe(1);
    link.drain();
    await delivery;
    await Promise.resolve();

    expect(listeners).toBe(0);
  });
});

describe('the outcome of a delivery', () => {
  test('is `flushed` when the platform has taken the bytes', async () => {
    const { outbox } = made();
    const link = aLink();
    outbox.write(link);
    const delivery = watch(outbox.deliver(say('one'), {}));
    await Promise.resolve();
    expect(delivery.outcome).toBe('pending');

    link.drain();
    await Promise.resolve();

    expect(delivery.outcome).toEqual({ resolved: { outcome: 'flushed' } });
  });

  test('is not known when the link was lost before that', async () => {
    const { outbox } = made();
    const link = aLink();
    outbox.write(link);
    const delivery = outbox.deliver(say('one'), {});

    outbox.queue();
    link.drain();

    expect(await codeOf(delivery)).toBe('DELIVERY_UNKNOWN');
    const second = aLink();
    outbox.write(second);
    expect(second.sent).toEqual([]);
  });

  test('is `flushed` for what leaves while the connection is closing', async () => {
    const { outbox } = made();
    const link = aLink();
    outbox.write(link);
    const delivery = outbox.deliver(say('one'), {});

    outbox.refuse('closing');
    link.drain();
    outbox.refuse('closed');

    expect(await delivery).toEqual({ outcome: 'flushed' });
  });

  test('is not known for what had not left when the connection was closed', async () => {
    const { outbox } = made();
    outbox.write(aLink());
    const delivery = outbox.deliver(say('one'), {});

    outbox.refuse('closing');
    outbox.refuse('closed');

    expect(await codeOf(delivery)).toBe('DELIVERY_UNKNOWN');
  });
});

describe('acknowledgements', () => {
  test('settle the delivery with that id, and no other', async () => {
    const { outbox } = made();
    outbox.write(aLink());
    const [a, b] = [watch(outbox.deliver({ id: 'a' }, {})), watch(outbox.deliver({ id: 'b' }, {}))];

    outbox.noticeAcknowledgement({ ack: 'b' });
    outbox.noticeAcknowledgement({ ack: 'b' });
    outbox.noticeAcknowledgement({ ack: 'unheard of' });
    outbox.noticeAcknowledgement({ text: 'no acknowledgement' });
    await Promise.resolve();

    expect([a.outcome, b.outcome]).toEqual(['pending', { resolved: { outcome: 'acknowledged' } }]);
    outbox.noticeAcknowledgement({ ack: 'a' });
    await Promise.resolve();
    expect(a.outcome).toEqual({ resolved: { outcome: 'acknowledged' } });
  });

  test('that did not come have the same message sent again, before what waits, in order', async () => {
    const { outbox } = made();
    outbox.write(aLink());
    const deliveries = ['a', 'b', 'c'].map((id) => outbox.deliver({ id, text: id }, {}));
    outbox.noticeAcknowledgement({ ack: 'b' });
    outbox.queue();
    outbox.send(say('later'));
    const second = aLink();

    outbox.write(second);

    expect(second.sent).toEqual(['a:a', 'c:c', 'later']);
    outbox.noticeAcknowledgement({ ack: 'a' });
    outbox.noticeAcknowledgement({ ack: 'c' });
    expect(await Promise.all(deliveries)).toEqual(Array(3).fill({ outcome: 'acknowledged' }));
  });

  test('that did not come leave the delivery unknown when the connection ends', async () => {
    const { outbox } = made();
    outbox.write(aLink());
    const delivery = outbox.deliver({ id: 'a' }, {});

    outbox.refuse('closed');

    expect(await codeOf(delivery)).toBe('DELIVERY_UNKNOWN');
  });

  test('do not turn a message that was sent into one that was not', async () => {
    const { outbox } = made();
    outbox.write(aLink());
    const delivery = outbox.deliver({ id: 'a' }, {});

    outbox.queue();
    outbox.refuse('failed');

    expect(await codeOf(delivery)).toBe('DELIVERY_UNKNOWN');
  });

  test('whose message was sent once leave the delivery unknown when its time is over', async () => {
    const { outbox, clock } = made();
    outbox.write(aLink());
    const delivery = outbox.deliver({ id: 'a' }, { ttlMs: 100 });

    outbox.queue();
    clock.advance(100);

    expect(await codeOf(delivery)).toBe('DELIVERY_UNKNOWN');
    const second = aLink();
    outbox.write(second);
    expect(second.sent).toEqual([]);
  });

  test('of an id that is under way settle each delivery that has it', async () => {
    const { outbox } = made();
    outbox.write(aLink());
    const first = watch(outbox.deliver({ id: 'a' }, {}));
    const second = watch(outbox.deliver({ id: 'a' }, {}));

    outbox.noticeAcknowledgement({ ack: 'a' });
    outbox.refuse('closed');
    await Promise.resolve();
    await Promise.resolve();

    expect([first.outcome, second.outcome]).not.toContain('pending');
  });

  test('are not awaited for a message without an id', async () => {
    const { outbox } = made();
    const link = aLink();
    outbox.write(link);
    const delivery = outbox.deliver(say('one'), {});
    link.drain();

    expect(await delivery).toEqual({ outcome: 'flushed' });
  });
});
