// What escapes from the code under test: rejections that nobody handles, exceptions that nobody catches, real timers.
import { turn } from '../../src/testing/wait.ts';

export interface Strays extends Disposable {
  /** Resolves once whatever escapes now has escaped. */
  settled(): Promise<void>;
  /** What has escaped since the last call. */
  take(): readonly string[];
}

const textOf = (thrown: unknown): string => (thrown instanceof Error ? String(thrown.stack) : String(thrown));

/**
 * Listens in place of the test runner, so that an escape is told of by the run in which it happened. Real timers are
 * refused: everything here is to run on the clock that was given, and a timer of 0 ms is how XState rethrows.
 */
export function catchStrays(): Strays {
  const caught: string[] = [];
  const events = ['unhandledRejection', 'uncaughtException'] as const;
  const before = events.map((event) => process.rawListeners(event));
  const { setTimeout: realSetTimeout } = globalThis;
  const emitWarning = process.emitWarning.bind(process);
  // A logger that throws has nobody left to be told of but the platform.
  process.emitWarning = () => undefined;
  for (const event of events) {
    process.removeAllListeners(event);
    process.on(event, (thrown: unknown) => caught.push(`${event}: ${textOf(thrown)}`));
  }
  globalThis.setTimeout = ((callback: () => void) => {
    try {
      callback();
      caught.push(`a real timer: ${textOf(new Error(callback.toString()))}`);
    } catch (thrown) {
      caught.push(`rethrown by a timer: ${textOf(thrown)}`);
    }
  }) as unknown as typeof setTimeout;
  return {
    settled: turn,
    take: () => caught.splice(0),
    [Symbol.dispose]() {
      globalThis.setTimeout = realSetTimeout;
      process.emitWarning = emitWarning;
      for (const [index, event] of events.entries()) {
        process.removeAllListeners(event);
        for (const listener of before[index] ?? []) process.on(event, listener as () => void);
      }
    },
  };
}
