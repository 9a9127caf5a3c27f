// The door of "statewire/coordinator", and what a program needs to use it.
import { describe, expect, it } from 'vitest';
import * as door from '../../src/coordinator/index.ts';

describe('the exports (S0-28, S0-41, S0-43)', () => {
  it('are these', () => {
    expect(Object.keys(door).sort()).toEqual([
      'AuthenticationError',
      'COORDINATOR_DEFAULTS',
      'ConnectionFailedError',
      'CoordinatorClient',
      'CoordinatorError',
      'MaxRetriesExceededError',
      'customBackoff',
      'exponentialBackoff',
    ]);
  });

  it('include the backoff as an iterator of its own (S0-18)', async () => {
    const delays: number[] = [];
    for await (const delayMs of door.exponentialBackoff({ maxAttempts: 5 })) delays.push(delayMs);

    expect(delays).toEqual([1_000, 2_000, 4_000, 8_000, 16_000]);
  });
});
