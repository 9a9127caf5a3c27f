import { describe, expect, it } from 'vitest';
import { clampDelay, MAX_DELAY_MS } from '../../machines/index.ts';
import { limits, live, say, type Said } from '../support/chart.ts';

describe('clampDelay', () => {
  it('leaves alone what a timer can hold', () => {
    expect([0, 1, 0.5, 30_000, MAX_DELAY_MS].map(clampDelay)).toEqual([0, 1, 0.5, 30_000, MAX_DELAY_MS]);
  });

  it('waits as long as a timer can for what is longer, endless or no number', () => {
    expect([2 ** 31, Number.MAX_VALUE, Infinity, NaN].map(clampDelay)).toEqual(Array(4).fill(MAX_DELAY_MS));
  });

  it('does not wait for what is over', () => {
    expect([-1, -0.1, -Infinity].map(clampDelay)).toEqual([0, 0, 0]);
  });

  it('goes up to the greatest delay that setTimeout does not turn into one millisecond', () => {
    expect(MAX_DELAY_MS).toBe(2 ** 31 - 1);
  });
});

describe('the delays of the chart', () => {
  const planned = (...events: readonly Said[]): [string | undefined, number][] =>
    say(live(), ...events)[1]
      .filter(({ type }) => type === 'xstate.raise')
      .map(({ params }) => params as { readonly id: string; readonly delay: number })
      .map(({ id, delay }) => [id.split('.')[2], delay]);

  it.each([
    ['connectTimeout', limits.connectMs, ['connect']],
    ['handshakeTimeout', limits.handshakeMs, ['connect', 'socket.opened']],
    ['stable', limits.stableAfterMs, ['connect', 'socket.opened', 'handshake.accepted']],
    ['closeTimeout', limits.closeMs, ['connect', 'socket.opened', 'disconnect']],
    ['closeTimeout', limits.closeMs, ['connect', 'socket.opened', 'disconnect', 'connect']],
    ['backoff', 75, ['connect', 'socket.closed', 'verdict.retry']],
    ['networkPatience', limits.networkPatienceMs, ['connect', 'socket.closed', 'verdict.waitForNetwork']],
  ])('plans %s in %d ms', (name, delayMs, events) => {
    expect(planned(...events)).toEqual([[name, delayMs]]);
  });

  it('takes no more from a policy than a timer can hold', () => {
    const never = { type: 'verdict.retry', delayMs: Infinity } as const;

    expect(planned('connect', 'socket.closed', never)).toEqual([['backoff', MAX_DELAY_MS]]);
  });

  it('cancels the timer with the state that it belongs to', () => {
    const [, effects] = say(live('connect'), 'socket.opened');

    expect(effects.filter(({ type }) => type === 'xstate.cancel').map(({ params }) => params)).toEqual([
      { sendId: 'xstate.after.connectTimeout.connection.online.connecting' },
    ]);
  });
});
