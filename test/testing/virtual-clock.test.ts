// The clock that stands still: order, chains, sleep, clamping, endless loops.
import { describe, expect, test } from 'vitest';
import { MAX_TIMERS_PER_MOVE, VirtualClock } from '../../src/testing/virtual-clock.ts';

function recorder() {
  const clock = new VirtualClock();
  const log: string[] = [];
  const start = (name: string, delayMs: number, then?: () => void) =>
    clock.setTimeout(() => {
      log.push(`${name} at ${clock.now()}`);
      then?.();
    }, delayMs);
  return { clock, log, start };
}

describe('advance', () => {
  test('runs what is due in order of due time, first come first served among equals', () => {
    const { clock, log, start } = recorder();
    start('c', 30);
    start('a', 10);
    start('b1', 20);
    start('b2', 20);
    start('late', 31);
    clock.advance(30);
    expect(log).toEqual(['a at 10', 'b1 at 20', 'b2 at 20', 'c at 30']);
    expect([clock.now(), clock.pending, clock.nextInMs]).toEqual([30, 1, 1]);
  });

  test('runs timers that are started by timers, at their own times', () => {
    const { clock, log, start } = recorder();
    const again = () => void start('tick', 10, again);
    again();
    start('other', 15);
    clock.advance(35);
    expect(log).toEqual(['tick at 10', 'other at 15', 'tick at 20', 'tick at 30']);
    expect([clock.now(), clock.nextInMs]).toEqual([35, 5]);
  });

  test('runs what is due now when nothing passes, and nothing else', () => {
    const { clock, log, start } = recorder();
    start('now', 0);
    start('soon', 1);
    expect(log).toEqual([]);
    clock.advance(0);
    expect(log).toEqual(['now at 0']);
  });

  test('adds fractions without losing them', () => {
    const { clock, log, start } = recorder();
    start('a', 0.5);
    clock.advance(0.25);
    expect(log).toEqual([]);
    clock.advance(0.25);
    expect(log).toEqual(['a at 0.5']);
  });

  test('may be called by a timer', () => {
    const { clock, log, start } = recorder();
    start('outer', 10, () => {
      clock.advance(100);
    });
    start('inner', 50);
    clock.advance(20);
    expect(log).toEqual(['outer at 10', 'inner at 50']);
    expect(clock.now()).toBe(110);
  });

  test('hands out what a timer throws, and keeps the others', () => {
    const { clock, log, start } = recorder();
    start('bad', 10, () => {
      throw new Error('broken');
    });
    start('good', 10);
    expect(() => {
      clock.advance(20);
    }).toThrow('broken');
    expect([clock.now(), clock.pending]).toEqual([10, 1]);
    clock.advance(10);
    expect(log).toEqual(['bad at 10', 'good at 10']);
  });

  test('refuses an endless loop with an error that says where', () => {
    const { clock, start } = recorder();
    const again = () => void start('loop', 0, again);
    start('loop', 5, again);
    expect(() => {
      clock.advance(1000);
    }).toThrow(
      `${MAX_TIMERS_PER_MOVE} timers ran on the way to 1000 ms, and the clock has only reached 5 ms: ` +
        'is there a timer that starts itself again with too short a delay?',
    );
  });

  test('runs exactly as many timers as it allows', () => {
    const { clock, log, start } = recorder();
    const again = () => log.length < MAX_TIMERS_PER_MOVE && start('t', 0, again);
    again();
    clock.advance(1);
    expect([log.length, clock.pending, clock.now()]).toEqual([MAX_TIMERS_PER_MOVE, 0, 1]);
  });

  test.each([-1, NaN, Infinity])('refuses %d milliseconds', (ms) => {
    const { clock } = recorder();
    expect(() => {
      clock.advance(ms);
    }).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
    expect(() => {
      clock.jump(ms);
    }).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
    expect(clock.now()).toBe(0);
  });
});

describe('jump', () => {
  test('moves the time at once and runs what became due late, in order', () => {
    const { clock, log, start } = recorder();
    start('b', 20);
    start('a', 10);
    start('later', 5000);
    clock.jump(1000);
    expect(log).toEqual(['a at 1000', 'b at 1000']);
    expect([clock.now(), clock.nextInMs]).toEqual([1000, 4000]);
  });

  test('runs an interval once, since it could not start itself again while nothing ran', () => {
    const { clock, log, start } = recorder();
    const again = () => void start('tick', 10, again);
    again();
    clock.jump(1000);
    expect(log).toEqual(['tick at 1000']);
  });
});

describe('runNext', () => {
  test('runs one timer at its time and tells whether there was one', () => {
    const { clock, log, start } = recorder();
    start('a', 10);
    start('b', 10);
    expect(clock.runNext()).toBe(true);
    expect([log, clock.now(), clock.pending]).toEqual([['a at 10'], 10, 1]);
    expect([clock.runNext(), clock.runNext(), clock.now()]).toEqual([true, false, 10]);
  });
});

describe('clearTimeout', () => {
  test('takes a timer away, also from within another one of the same time', () => {
    const { clock, log, start } = recorder();
    const gone = start('gone', 5);
    start('a', 10, () => {
      clock.clearTimeout(b);
    });
    const b = start('b', 10);
    clock.clearTimeout(gone);
    clock.advance(10);
    expect(log).toEqual(['a at 10']);
  });

  test('ignores what has run, was cleared before, or is no timer', () => {
    const { clock, start } = recorder();
    const ran = start('ran', 1);
    clock.advance(1);
    start('stays', 1);
    for (const timer of [ran, ran, undefined, 7]) clock.clearTimeout(timer);
    expect(clock.pending).toBe(1);
  });
});

describe('nextInMs', () => {
  test('is undefined without timers', () => {
    expect(new VirtualClock().nextInMs).toBeUndefined();
  });

  test.each([
    [-5, 0],
    [NaN, 2_147_483_647],
    [Infinity, 2_147_483_647],
    [1e12, 2_147_483_647],
  ])('shows that a delay of %d is clamped to %d', (delayMs, expected) => {
    const { clock, start } = recorder();
    start('a', delayMs);
    expect(clock.nextInMs).toBe(expected);
  });
});
