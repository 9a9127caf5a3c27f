// The figures of a connection by one moment, as an inspector is told them.
import type { ConnectionStats } from '../statistics.ts';

const COUNTED = [
  'messagesIn',
  'messagesOut',
  'bytesIn',
  'bytesOut',
  'attempts',
  'reconnects',
  'downtimeMs',
  'waitingMessages',
  'bufferedBytes',
  'droppedMessages',
  'expiredMessages',
  'invalidMessages',
] as const satisfies readonly (keyof ConnectionStats)[];

export type Sample = Readonly<Record<(typeof COUNTED)[number], number>> & {
  /** In milliseconds since 1970. */
  readonly at: number;
  readonly rttMs?: number;
  readonly lastCloseCode?: number;
  readonly lastCloseReason?: string;
};

/** The part of the statistics that is told. */
export function sampleOf(stats: ConnectionStats, at: number): Sample {
  const { rttMs, lastCloseCode, lastCloseReason } = stats;
  return {
    at,
    ...countedIn(stats),
    ...(rttMs !== undefined && { rttMs }),
    ...(lastCloseCode !== undefined && { lastCloseCode }),
    ...(lastCloseReason !== undefined && { lastCloseReason }),
  };
}

/** Figures from a stranger; `undefined` when they are none. */
export function parseSample(given: unknown): Sample | undefined {
  const told = (given ?? {}) as Partial<Sample>;
  if (![...COUNTED, 'at' as const].every((name) => Number.isFinite(told[name]))) return undefined;
  const { at, rttMs, lastCloseCode, lastCloseReason } = told as Sample;
  return {
    at,
    ...countedIn(told as Sample),
    ...(Number.isFinite(rttMs) && { rttMs: Number(rttMs) }),
    ...(Number.isFinite(lastCloseCode) && { lastCloseCode: Number(lastCloseCode) }),
    ...(typeof lastCloseReason === 'string' && {
      lastCloseReason: lastCloseReason.slice(0, MAX_REASON_CHARS),
    }),
  };
}

/** RFC 6455 §5.5: no close frame has room for more. */
const MAX_REASON_CHARS = 123;

/** Whether two moments have the same figures. */
export const isSameSample = (one: Sample, other: Sample): boolean =>
  COUNTED.every((name) => one[name] === other[name]) &&
  one.rttMs === other.rttMs &&
  one.lastCloseCode === other.lastCloseCode &&
  one.lastCloseReason === other.lastCloseReason;

const countedIn = (
  stats: Pick<ConnectionStats, (typeof COUNTED)[number]>,
): Record<(typeof COUNTED)[number], number> =>
  Object.fromEntries(COUNTED.map((name) => [name, stats[name]])) as Record<(typeof COUNTED)[number], number>;
