// The coordinator's backoff, as a user may take it apart from the client.
import { describe, expect, it } from 'vitest';
import * as door from '../../src/coordinator/index.ts';

describe('the exports (S0-28, S0-41, S0-43)', () => {
  it('include the backoff as an iterator of its own (S0-18)', async () => {
    const delays: number[] = [];
    for await (const delayMs of door.exponentialBackoff({ maxAttempts: 5 })) delays.push(delayMs);

    expect(delays).toEqual([1_000, 2_000, 4_000, 8_000, 16_000]);
  });
});
