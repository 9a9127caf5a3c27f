// Why the broker over NATS could not do something, and which of the errors of the NATS packages mean what.
import { textOf } from '../../../errors.ts';

/** What `natsBroker()` rejects with. */
export class NatsBrokerError extends Error {
  override readonly name = 'NatsBrokerError';
  /** Whether the same call may succeed later without a change on anybody's side. */
  readonly retryable: boolean;

  constructor(
    message: string,
    { retryable, cause }: { readonly retryable: boolean; readonly cause?: unknown },
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.retryable = retryable;
  }
}

/** What keeps NATS from being asked, until somebody does something about it. */
export const isFinal = (thrown: unknown): thrown is NatsBrokerError =>
  thrown instanceof NatsBrokerError && !thrown.retryable;

const STREAM_NOT_FOUND = 10_059;

/** No server answers for the stream: it is gone, or has no leader at present, or JetStream is not there. */
export function isStreamAway(thrown: unknown): boolean {
  const { name, code, status } = thrown as { name?: unknown; code?: unknown; status?: unknown };
  return (
    name === 'JetStreamNotEnabled' ||
    name === 'StreamNotFoundError' ||
    name === 'NoResponders' ||
    code === STREAM_NOT_FOUND ||
    status === 503
  );
}

export const isTimeout = (thrown: unknown): boolean =>
  (thrown as { name?: unknown } | null)?.name === 'TimeoutError';

/** Addresses without the credentials that somebody may have written into them. */
export const namesOf = (servers: readonly string[]): string =>
  servers.map((server) => server.replace(/^.*@/s, '')).join(', ');

/** What NATS said, in words that somebody can act upon. */
export function explain(thrown: unknown): string {
  const text = causesOf(thrown).map(textOf).join(': ');
  if (/authorization violation|authentication/i.test(text))
    return 'NATS does not accept the credentials; give others in `connection`';
  if ((thrown as { name?: unknown } | null)?.name === 'JetStreamNotEnabled')
    return 'JetStream does not answer; start nats-server with -js';
  return text;
}

function causesOf(thrown: unknown): readonly unknown[] {
  const cause = thrown instanceof Error ? thrown.cause : undefined;
  return cause === undefined ? [thrown] : [thrown, ...causesOf(cause)];
}
