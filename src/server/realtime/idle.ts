// Whether anything is still said: no message in either direction for a time is the end.
import type { Clock } from '../../clock.ts';

const CHECKS = 4;

/** Looks at a count every quarter of the time, so that a message costs nothing. Returns what ends it. */
export function watchIdle(clock: Clock, idleMs: number, count: () => number, onIdle: () => void): () => void {
  let seen = count();
  let quietChecks = 0;
  let timer: unknown;
  const check = (): void => {
    const now = count();
    quietChecks = now === seen ? quietChecks + 1 : 0;
    seen = now;
    if (quietChecks >= CHECKS) onIdle();
    else timer = clock.setTimeout(check, idleMs / CHECKS);
  };
  timer = clock.setTimeout(check, idleMs / CHECKS);
  return () => clock.clearTimeout(timer);
}
