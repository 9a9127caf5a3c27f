// One table: what a close code means, and what helps. Codes 1000–1015: RFC 6455 §7.4.1 and the IANA registry.
import type { Cure } from './connection.types.ts';

interface CloseCode {
  readonly name: string;
  readonly cure: Cure;
}

export const CLOSE_CODES: Readonly<Record<number, CloseCode>> = {
  1000: { name: 'normal closure', cure: 'retry' }, // nobody here asked for it, so it is a loss like any other
  1001: { name: 'going away', cure: 'retry' },
  1002: { name: 'protocol error', cure: 'retryOnce' },
  1003: { name: 'unsupported data', cure: 'retryOnce' },
  1005: { name: 'no status received', cure: 'retry' },
  1006: { name: 'abnormal closure', cure: 'retry' },
  1007: { name: 'invalid payload data', cure: 'retryOnce' },
  1008: { name: 'policy violation', cure: 'stop' },
  1009: { name: 'message too big', cure: 'retryOnce' },
  1010: { name: 'mandatory extension', cure: 'retryOnce' },
  1011: { name: 'internal error', cure: 'retry' },
  1012: { name: 'service restart', cure: 'retryLater' },
  1013: { name: 'try again later', cure: 'retryLater' },
  1014: { name: 'bad gateway', cure: 'retry' },
  1015: { name: 'TLS handshake failed', cure: 'stop' },
  4401: { name: 'unauthorized', cure: 'refresh' },
  4403: { name: 'forbidden', cure: 'stop' }, // a new token of the same user would not help; 4401 is the one to refresh
};

/** What helps after a close with this code: the table's answer, else `retry`. */
export const cureOfClose = (code: number): Cure => CLOSE_CODES[code]?.cure ?? 'retry';

/** The registered name of a close code, else `application code`. */
export const nameOfClose = (code: number): string => CLOSE_CODES[code]?.name ?? 'application code';
