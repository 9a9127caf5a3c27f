// /sse/time: what time it is, in one of four ways.
import type { Beat, Show } from './show.ts';
import { epochSeconds } from './stage.ts';

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];

const FORMATS = {
  unix: () => ({ timestamp: epochSeconds(), format: 'unix' }),
  iso: () => ({ timestamp: new Date().toISOString(), format: 'iso' }),
  human: () => humanOf(new Date()),
  detailed: (count: number) => {
    const now = new Date();
    return {
      timestamp: now.getTime() / 1_000,
      iso: now.toISOString(),
      human: humanOf(now),
      day_of_week: DAYS[now.getUTCDay()],
      count,
    };
  },
} satisfies Record<string, (count: number) => unknown>;

/** All in UTC. */
export const time: Show = {
  beats: 300,
  begin: (random) => (number) => {
    const format = random.pick(Object.values(FORMATS));
    const pauseMs = random.uniform(800, 1_200);
    return { events: [{ event: 'time', id: String(number), data: format(number) }], pauseMs } satisfies Beat;
  },
};

/** `2026-01-31 23:59:59` */
const humanOf = (date: Date): string => date.toISOString().slice(0, 19).replace('T', ' ');
