// What is measured: round trips in buckets of constant size, and the time without a session.
import { describe, expect, test } from 'vitest';
import { Outages, RTT_BUCKETS_MS, RttRecorder } from '../src/statistics.ts';
import { VirtualClock } from '../src/testing/virtual-clock.ts';

const countsOf = (rtt: RttRecorder) =>
  Object.fromEntries(
    rtt.histogram().buckets.flatMap(({ upToMs, count }) => (count > 0 ? [[upToMs, count]] : [])),
  );

describe('the round trips', () => {
  test('are none at first', () => {
    const rtt = new RttRecorder();

    expect(rtt.lastMs).toBeUndefined();
    expect(rtt.histogram()).toEqual({
      count: 0,
      minMs: 0,
      maxMs: 0,
      meanMs: 0,
      buckets: [...RTT_BUCKETS_MS, Infinity].map((upToMs) => ({ upToMs, count: 0 })),
    });
  });

  test('are counted in the first bucket that holds them', () => {
    const rtt = new RttRecorder();
    for (const ms of [0, 0.5, 1, 1.01, 5, 9_999, 10_000, 10_001, 1e9]) rtt.record(ms);

    expect(countsOf(rtt)).toEqual({ 1: 3, 2: 1, 5: 1, 10_000: 2, Infinity: 2 });
  });

  test('are summed up', () => {
    const rtt = new RttRecorder();
    for (const ms of [30, 10, 20]) rtt.record(ms);

    expect(rtt.lastMs).toBe(20);
    expect(rtt.histogram()).toMatchObject({ count: 3, minMs: 10, maxMs: 30, meanMs: 20 });
  });

  test('are a picture of that moment', () => {
    const rtt = new RttRecorder();
    const before = rtt.histogram();
    rtt.record(7);

    expect(before.count).toBe(0);
    expect(before.buckets.every(({ count }) => count === 0)).toBe(true);
  });
});

describe('the outages', () => {
  test('are summed up, the present one included', () => {
    const clock = new VirtualClock();
    const outages = new Outages(clock);
    outages.begin();
    clock.advance(100);
    outages.end();
    clock.advance(1_000);
    outages.begin();
    clock.advance(30);

    expect([outages.totalMs, outages.lastMs]).toEqual([130, 100]);
    outages.end();
    expect([outages.totalMs, outages.lastMs]).toEqual([130, 30]);
  });

  test('begin and end once, however often it is told', () => {
    const clock = new VirtualClock();
    const outages = new Outages(clock);
    outages.end();
    outages.begin();
    clock.advance(100);
    outages.begin();
    clock.advance(100);
    outages.end();
    clock.advance(100);
    outages.end();

    expect([outages.totalMs, outages.lastMs]).toEqual([200, 200]);
  });
});
