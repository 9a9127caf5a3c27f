// Waiting with a limit, so that a demo that does not survive says so and does not hang.
import type { ConnectionState } from '../../../machines/index.ts';
import type { StateChange } from '../../events.ts';

const LIMIT_MS = 10_000;
const LOOK_EVERY_MS = 5;

interface Watched {
  readonly state: ConnectionState;
  on(event: 'statechange', listener: (change: StateChange) => void): () => void;
}

/** Resolves with the state that was waited for, at once if it is the present one. @throws {Error} after ten seconds, and when the connection is closed */
export function untilState(
  connection: Watched,
  isWanted: (state: ConnectionState) => boolean,
): Promise<ConnectionState> {
  return new Promise((resolve, reject) => {
    const finish = (state: ConnectionState) => {
      off();
      clearTimeout(timer);
      resolve(state);
    };
    const giveUp = (why: string) => {
      off();
      clearTimeout(timer);
      reject(new Error(why));
    };
    const off = connection.on('statechange', ({ state }) => {
      if (isWanted(state)) finish(state);
      else if (state === 'closed') giveUp('the connection was closed');
    });
    const timer = setTimeout(() => giveUp(`still ${connection.state} after ${LIMIT_MS / 1_000} s`), LIMIT_MS);
    if (isWanted(connection.state)) finish(connection.state);
  });
}

/** Waits, but not longer than until the signal is aborted. */
export function pause(durationMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const over = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', over);
      resolve();
    };
    const timer = setTimeout(over, durationMs);
    signal.addEventListener('abort', over);
  });
}

/** Looks until a condition holds; false when it does not within the limit. */
export async function eventually(condition: () => boolean, limitMs = 2_000): Promise<boolean> {
  const deadline = performance.now() + limitMs;
  while (!condition()) {
    if (performance.now() >= deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
  return true;
}
