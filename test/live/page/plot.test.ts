// The arithmetic behind the plots and the zoom of the drawing.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { linePath, nearest, scaleFor, share } from '../../../visualizations/live/page/plot-scale.ts';
import { ratesOf } from '../../../visualizations/live/page/rates.ts';
import { around, fit, follow, move, zoom } from '../../../visualizations/live/page/viewport.ts';
import type { Sample } from '../../../visualizations/live/protocol.ts';

const sample = (at: number, messagesIn: number, bytesOut = 0): Sample => ({
  at,
  messagesIn,
  messagesOut: 0,
  bytesIn: 0,
  bytesOut,
  attempts: 1,
  reconnects: 0,
  downtimeMs: 0,
  waitingMessages: 0,
  bufferedBytes: 0,
  droppedMessages: 0,
  expiredMessages: 0,
  invalidMessages: 0,
});

describe('an axis', () => {
  it.each([
    [0, [0, 0.5, 1]],
    [7, [0, 5, 10]],
    [0.3, [0, 0.2, 0.4]],
    [1_000, [0, 500, 1_000]],
  ])('for values up to %d has the ticks %j', (largest, ticks) => {
    expect(scaleFor(largest, 2).ticks).toEqual(ticks);
  });

  it('reaches every value in at most as many steps as were asked for', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 1e-6, max: 1e12, noNaN: true }),
        fc.integer({ min: 1, max: 6 }),
        (value, most) => {
          const { max, ticks } = scaleFor(value, most);
          expect(max).toBeGreaterThanOrEqual(value * (1 - 1e-6));
          expect(ticks.length - 1).toBeLessThanOrEqual(most);
        },
      ),
    );
  });
});

it('places a value between two others, never outside', () => {
  expect([share(5, 0, 10), share(-1, 0, 10), share(11, 0, 10), share(3, 3, 3)]).toEqual([0.5, 0, 1, 0]);
});

it('finds the point that is nearest in time', () => {
  const points = [{ at: 0 }, { at: 10 }, { at: 30 }];

  expect([-5, 4, 6, 19, 21, 99].map((at) => nearest(points, at))).toEqual([0, 0, 1, 1, 2, 2]);
  expect(nearest([], 1)).toBe(-1);
});

it('breaks a line where there is no value', () => {
  const points = [1, 2, undefined, 4].map((value, at) => ({ at, value }));

  expect(linePath(points, ({ at, value = 0 }) => [at, value])).toBe('M0.0 1.0L1.0 2.0M3.0 4.0');
});

describe('rates', () => {
  it('are what was counted between two samples, per second', () => {
    expect(ratesOf([sample(0, 0), sample(500, 10, 100), sample(1_500, 10, 100)])).toMatchObject([
      { at: 500, messagesInPerSecond: 20, bytesOutPerSecond: 200 },
      { at: 1_500, messagesInPerSecond: 0, bytesOutPerSecond: 0 },
    ]);
  });

  it('are none between samples of the same time, and 0 where a counter fell back', () => {
    expect(ratesOf([sample(0, 5), sample(0, 6), sample(1_000, 1)])).toMatchObject([
      { messagesInPerSecond: 0 },
    ]);
    expect(ratesOf([sample(0, 5)])).toEqual([]);
  });
});

describe('the view of a drawing', () => {
  const drawing = { x: 0, y: 0, width: 1_000, height: 400 };
  const panel = { width: 516, height: 516 };
  const whole = fit(drawing, panel);

  it('shows all of it, in the middle, in the shape of the panel', () => {
    expect(whole).toEqual({ x: -16, y: -316, width: 1_032, height: 1_032 });
  });

  it('does not blow up a small one', () => {
    expect(fit({ x: 0, y: 0, width: 100, height: 100 }, panel)).toMatchObject({ width: 516, x: -208 });
  });

  it('keeps the point in place that is zoomed at', () => {
    const closer = zoom(whole, 2, { drawing, panel }, [0.25, 0.5]);

    expect(closer.width).toBe(516);
    expect(closer.x + closer.width * 0.25).toBe(whole.x + whole.width * 0.25);
  });

  it('is never smaller than the whole, and never loses the drawing', () => {
    expect(zoom(whole, 0.1, { drawing, panel })).toEqual(whole);
    const closer = zoom(whole, 4, { drawing, panel });
    expect(move(closer, 1e6, -1e6, drawing)).toMatchObject({
      x: 1_000 - closer.width / 2,
      y: -closer.height / 2,
    });
  });

  it('follows what is active only as far as it must, and shows nothing outside if it can', () => {
    const both = { drawing, panel: { width: 200, height: 200 } };
    const at = (x: number) => ({ x, y: 100, width: 50, height: 20 });
    const start = follow(whole, at(0), both, 1);

    expect(start).toEqual({ x: 0, y: 10, width: 200, height: 200 });
    expect(follow(start, at(120), both, 1)).toEqual(start);
    expect(follow(start, at(400), both, 1)).toEqual({ ...start, x: 325 });
    expect(follow(start, at(990), both, 1)).toEqual({ ...start, x: 800 });
    expect(follow(start, at(0), both, 4)).toEqual({ x: 0, y: -200, width: 800, height: 800 });
  });

  it('can be around several boxes', () => {
    expect(
      around([
        { x: 0, y: 5, width: 10, height: 10 },
        { x: 20, y: 0, width: 5, height: 5 },
      ]),
    ).toEqual({ x: 0, y: 0, width: 25, height: 15 });
  });
});
