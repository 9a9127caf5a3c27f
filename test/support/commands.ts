// What can happen to a connection, as data that can be drawn, printed and shrunk, and how each of it is brought about.
import fc from 'fast-check';
import { CALM, type SubjectSettings } from './subject.ts';
import { PARTS } from './talk-protocol.ts';

const EVENTS = [
  ...(['statechange', 'open', 'reconnecting', 'reconnected', 'closed', 'failed', 'message'] as const),
  ...(['invalidMessage', 'dropped', 'drain', 'error'] as const),
] as const;
const DEEDS = ['throw', 'reject', 'connect', 'disconnect', 'send', 'deliver'] as const;
const MOODS = [
  ...(['agree', 'throw', 'nonsense', 'promise', 'stop', 'retry', 'wait', 'refresh'] as const),
  ...(['never', 'disconnect', 'connect'] as const),
] as const;
const LATER = ['disconnect', 'drain', 'cut'] as const;
const CLOSE_CODES = [1000, 1001, 1006, 1008, 1009, 1011, 1012, 1013, 4401, 4403, 4999] as const;
const STATUSES = [401, 404, 429, 500, 503, 400] as const;

type Simple =
  | 'establish'
  | 'disconnect'
  | 'drained'
  | 'open'
  | 'accept'
  | 'challenge'
  | 'talk'
  | 'revoke'
  | 'cut'
  | 'die'
  | 'pong'
  | 'half a frame'
  | 'stall'
  | 'iterate'
  | 'next'
  | 'return'
  | 'drain'
  | 'offline'
  | 'online'
  | 'page';

export type Command =
  | { readonly do: 'connect'; readonly signal: 'none' | 'aborted' | 'kept' }
  | {
      readonly do: 'deliver';
      readonly signal: 'none' | 'aborted' | 'kept';
      readonly ttlMs: number | null;
      readonly twin: boolean;
    }
  | { readonly do: 'send'; readonly long: boolean }
  | { readonly do: 'abort'; readonly which: number }
  | { readonly do: 'refuse'; readonly status: number | null }
  | { readonly do: 'close'; readonly code: number }
  | { readonly do: 'reject'; readonly cure: string }
  | { readonly do: 'garbage'; readonly frame: string | Uint8Array }
  | { readonly do: 'acknowledge'; readonly which: number }
  | { readonly do: 'advance' | 'jump'; readonly ms: number }
  | {
      readonly do: 'listen';
      readonly to: (typeof EVENTS)[number];
      readonly and: (typeof DEEDS)[number];
      readonly times: number;
    }
  | { readonly do: 'break' | 'mend'; readonly part: string }
  | { readonly do: 'policy'; readonly mood: (typeof MOODS)[number] }
  | { readonly do: 'later'; readonly ms: number; readonly what: (typeof LATER)[number] }
  | { readonly do: 'answer'; readonly isGood: boolean }
  | { readonly do: Simple };

export interface Step {
  readonly command: Command;
  /** Whether the next command follows before any promise could settle. */
  readonly hasty: boolean;
}

const signal = fc.constantFrom('none', 'kept', 'none', 'kept', 'aborted');
const nothing = (name: Simple) => fc.constant({ do: name });
const as = <const Name extends Command['do'], Rest extends object>(name: Name, rest: fc.Arbitrary<Rest>) =>
  rest.map((given) => ({ do: name, ...given }));

/** Frames that are no message: broken JSON, other JSON, any text, any bytes. */
export const garbage = fc.oneof(
  fc.constantFrom('', '{', 'null', '[]', '"', '{"talk":', '\u0000', '0', '{"__proto__":1}{'),
  fc.string(),
  fc.json().filter((text) => !/talk|ack|revoked|welcome|rejected|challenge/.test(text)),
  fc.uint8Array({ maxLength: 20 }),
);

type Weighted = readonly (readonly [weight: number, command: fc.Arbitrary<object>])[];

const establish = nothing('establish');
const advance = as(
  'advance',
  fc.record({ ms: fc.oneof(fc.constantFrom(0, 100, 1_000, 5_000), fc.nat(70_000)) }),
);
const later = as(
  'later',
  fc.record({ ms: fc.constantFrom(20, 500, 2_000), what: fc.constantFrom(...LATER) }),
);
const deliver = as(
  'deliver',
  fc.record({
    signal,
    ttlMs: fc.option(fc.constantFrom(0, 50, 1_000, 20_000), { freq: 1 }),
    twin: fc.boolean(),
  }),
);

/** What becomes of messages: theirs and ours, behind a slow link and to a slow consumer. */
const messages: Weighted = [
  [4, as('send', fc.record({ long: fc.boolean() }))],
  [4, deliver],
  [2, as('abort', fc.record({ which: fc.nat(3) }))],
  [1, nothing('drained')],
  [2, nothing('talk')],
  [1, as('garbage', fc.record({ frame: garbage }))],
  [3, as('acknowledge', fc.record({ which: fc.nat(3) }))],
  [1, nothing('half a frame')],
  [2, nothing('stall')],
  [2, nothing('drain')],
  [1, nothing('iterate')],
  [1, nothing('next')],
  [1, nothing('return')],
  [1, later],
];

/** The life of a connection. */
const life: Weighted = [
  [8, establish],
  [3, as('connect', fc.record({ signal }))],
  [2, nothing('disconnect')],
  [4, nothing('open')],
  [1, as('refuse', fc.record({ status: fc.option(fc.constantFrom(...STATUSES)) }))],
  [4, nothing('accept')],
  [1, nothing('challenge')],
  [1, as('reject', fc.record({ cure: fc.constantFrom('retry', 'refresh', 'stop') }))],
  [1, nothing('revoke')],
  [4, as('close', fc.record({ code: fc.constantFrom(...CLOSE_CODES) }))],
  [2, nothing('cut')],
  [1, nothing('die')],
  [1, nothing('pong')],
  [1, nothing('offline')],
  [1, nothing('online')],
  [1, nothing('page')],
  [6, advance],
  [1, as('jump', fc.record({ ms: fc.nat(200_000) }))],
  [2, as('answer', fc.record({ isGood: fc.boolean() }))],
  [2, as('policy', fc.record({ mood: fc.constantFrom(...MOODS) }))],
];

/** Just enough of a life for messages to have adventures. */
const sessions: Weighted = [
  [5, establish],
  [2, nothing('cut')],
  [1, nothing('disconnect')],
  [1, as('jump', fc.record({ ms: fc.nat(5_000) }))],
  [1, as('advance', fc.record({ ms: fc.nat(5_000) }))],
];

const listening = (deeds: readonly (typeof DEEDS)[number][]) =>
  as(
    'listen',
    fc.record({
      to: fc.constantFrom(...EVENTS),
      and: fc.constantFrom(...deeds),
      times: fc.integer({ min: 1, max: 2 }),
    }),
  );

const stepsOf = (commands: Weighted) =>
  fc.array(
    fc.record({
      command: fc.oneof(...commands.map(([weight, arbitrary]) => ({ weight, arbitrary }))),
      hasty: fc.boolean(),
    }),
    { maxLength: 30, size: 'max' },
  ) as fc.Arbitrary<readonly Step[]>;

/** Few things, so that they meet: a link that takes nothing for a while, and messages that cannot wait. */
const backlog: Weighted = [
  [3, establish],
  [3, deliver],
  [2, nothing('stall')],
  [2, later],
  [2, as('jump', fc.record({ ms: fc.nat(5_000) }))],
  [2, nothing('cut')],
  [1, nothing('drain')],
  [1, as('acknowledge', fc.record({ which: fc.nat(3) }))],
];

/** A consumer that does not keep up. */
const reading: Weighted = [
  [2, establish],
  [6, nothing('talk')],
  [2, nothing('iterate')],
  [2, nothing('next')],
  [2, nothing('return')],
  [1, nothing('cut')],
  [1, as('close', fc.record({ code: fc.constantFrom(...CLOSE_CODES) }))],
  [1, nothing('disconnect')],
  [1, advance],
];

const meddling: Weighted = [
  [3, listening(DEEDS)],
  [1, as('break', fc.record({ part: fc.constantFrom(...PARTS) }))],
  [1, as('mend', fc.record({ part: fc.constantFrom(...PARTS) }))],
];

/** Whatever can happen, listeners that meddle and parts that break included. */
export const steps = fc.oneof(
  stepsOf([...life, ...messages, ...meddling]),
  ...[[...sessions, ...messages], backlog, reading].map(stepsOf),
);

const harmless: Weighted = [
  [4, listening(['throw', 'reject'])],
  [1, fc.constant({ do: 'break', part: 'logger' })],
];

/** Whatever can happen, and users' functions that throw, but only such as must not make a difference. */
export const harmlessSteps = fc.oneof(
  stepsOf([...life, ...messages, ...harmless]),
  stepsOf([...sessions, ...messages, ...harmless]),
);

export const settings: fc.Arbitrary<SubjectSettings> = fc.record({
  greets: fc.constantFrom(true, false),
  acknowledges: fc.constantFrom(false, true),
  probe: fc.constantFrom('ping', 'frame', 'none'),
  when: fc.constantFrom('whenQuiet', 'always'),
  heartbeat: fc.constantFrom(
    { intervalMs: 15_000, timeoutMs: 10_000 },
    { intervalMs: 25_000, timeoutMs: 10_000, silenceMs: 30_000 },
    { intervalMs: 30_000, timeoutMs: 5_000, silenceMs: 20_000 },
  ),
  outbox: fc.record(
    {
      maxMessages: fc.constantFrom(1_000, 1, 3),
      overflow: fc.constantFrom('reject', 'drop-oldest', 'drop-newest'),
      highWaterBytes: fc.constantFrom(1_000_000, 1, 30),
      ttlMs: fc.constantFrom(Infinity, 3_000),
    },
    { requiredKeys: [] },
  ),
  retry: fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record(
        {
          stableAfterMs: fc.constantFrom(5_000, 0),
          maxAttempts: fc.constantFrom(0, 2),
          initial: fc.constantFrom(true, false),
        },
        { requiredKeys: [] },
      ),
    },
    { weight: 1, arbitrary: fc.constant(false as const) },
  ),
  providers: fc.constantFrom('values', 'functions', 'slow functions'),
  resume: fc.constantFrom('none', 'quick', 'slow'),
  hasPolicy: fc.boolean(),
  canPause: fc.constantFrom(true, false),
  keptEvents: fc.constant(CALM.keptEvents),
});

/** A command in words, for the report of a failure. */
export function wordsOf({ command, hasty }: Step): string {
  const { do: name, ...rest } = command;
  const details = Object.entries(rest).map(([key, value]) => `${key} ${JSON.stringify(value)}`);
  return `${name}${details.length > 0 ? ` (${details.join(', ')})` : ''}${hasty ? ', and at once' : ''}`;
}
