// /sse/logs: the log of an application that is invented, with an alert for whatever is serious.
import { COMPONENTS, LEVEL_WEIGHTS, MESSAGES, type Level } from './log-vocabulary.ts';
import { ALPHABETS } from './random.ts';
import type { Show } from './show.ts';
import { epochSeconds } from './stage.ts';

const PAUSES_MS: Readonly<Record<Level, readonly [min: number, max: number]>> = {
  DEBUG: [100, 300],
  INFO: [200, 800],
  WARNING: [200, 800],
  ERROR: [1_000, 3_000],
  CRITICAL: [1_000, 3_000],
};

export const logs: Show = {
  beats: 1_000,
  begin: (random) => (number) => {
    const level = random.weighted(LEVEL_WEIGHTS);
    const component = random.pick(COMPONENTS);
    const message = random.pick(MESSAGES[level]);
    const context = {
      user_id: random.integer(1_000, 9_999),
      request_id: random.text(16, ALPHABETS.hex),
      duration_ms: random.integer(10, 500),
    };
    const timestamp = epochSeconds();
    const line = { timestamp, level, component, message, context };
    const alert = { type: 'alert', level, message: `${component}: ${message}`, timestamp };
    const isSerious = level === 'ERROR' || level === 'CRITICAL';
    return {
      events: [
        { event: 'log', id: String(number), data: line },
        ...(isSerious ? [{ event: 'alert', id: `alert-${number}`, data: alert }] : []),
      ],
      pauseMs: random.uniform(...PAUSES_MS[level]),
    };
  },
};
