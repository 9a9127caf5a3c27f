// The options of a relay, documented once; the defaults; their check.
import { systemClock, type Clock } from '../../clock.ts';
import { InvalidOptionError } from '../../errors.ts';
import type { Inspector } from '../../inspection/inspector.ts';
import type { Logger } from '../../options.ts';
import { guardedLogger } from '../../settings.ts';
import type { AssistantEvent, AssistantStep } from './events.ts';
import type { FriendlyMessage } from './friendly.ts';
import type { ThrottleOptions } from './throttle.ts';
import type { ToolOutput, Tools } from './tools.ts';

/** What an assistant says, as the seed's events or as steps. It is read as fast as it comes. */
export type Run = AsyncIterable<AssistantEvent | AssistantStep>;

/** A run, or what begins one: called when the first frame is out, with a signal that is aborted when nobody listens any more. */
export type RunSource = Run | ((context: { readonly signal: AbortSignal }) => Run | Promise<Run>);

/** The results of all tools that the assistant has called. */
export interface ToolRound {
  /** In the order of the calls. */
  readonly outputs: readonly ToolOutput[];
  readonly messageId: string;
  readonly threadId: string | null;
  /** As the events of the run said. */
  readonly runId: string | undefined;
  readonly signal: AbortSignal;
}

/** Gives the assistant its results, and returns the stream with which the answer goes on. */
export type SubmitToolOutputs = (round: ToolRound) => Run | Promise<Run>;

/** In milliseconds; `Infinity` is no limit. When one is over, the answer ends with an error frame. */
export interface RelayTimeouts {
  /**
   * Until the assistant's first event.
   *
   * @defaultValue `45_000`
   */
  readonly firstEventMs?: number;
  /**
   * Between two events. While tools run, their own time limits hold.
   *
   * @defaultValue `60_000`
   */
  readonly silenceMs?: number;
  /**
   * For the whole answer, tools included.
   *
   * @defaultValue `90_000`
   */
  readonly overallMs?: number;
  /**
   * For publishing the last frame, for which the reader waits: handed to the publisher as `timeoutMs`, so that it outlasts
   * a reconnect. When a hub cannot take it for the moment, it is published again each second within this time.
   *
   * @defaultValue `30_000`
   */
  readonly lastFrameMs?: number;
}

export interface RelayOptions {
  /** By their names. One that is called and not here is answered with a text that says so. */
  readonly tools?: Tools;
  /** Needed when tools are called whose results do not come in the stream itself. */
  readonly submitToolOutputs?: SubmitToolOutputs;
  /**
   * For each call of a tool, in milliseconds; then the assistant is told that it took too long. `Infinity`: no limit.
   *
   * @defaultValue `30_000`
   */
  readonly toolTimeoutMs?: number;
  /** How often the text so far is published. */
  readonly throttle?: ThrottleOptions;
  readonly timeouts?: RelayTimeouts;
  /** What users are told of errors: looked through before the seed's table. */
  readonly friendlyMessages?: readonly FriendlyMessage[];
  /** Is told of everything that goes wrong. */
  readonly logger?: Logger;
  /** Looks at the machine of each answer: any XState inspector. */
  readonly inspect?: Inspector | Inspector['next'];
  /** For all timers. Default: the platform's. */
  readonly clock?: Clock;
  /** The time of day for the timestamps, in milliseconds since 1970. Default: `Date.now`. */
  readonly now?: () => number;
}

/** The defaults that are numbers, in one place. */
export const RELAY_DEFAULTS = Object.freeze({
  toolTimeoutMs: 30_000,
  throttle: Object.freeze({ minChars: 10, maxWaitMs: 1_000 }),
  timeouts: Object.freeze({
    firstEventMs: 45_000,
    silenceMs: 60_000,
    overallMs: 90_000,
    lastFrameMs: 30_000,
  }),
}) satisfies RelayOptions;

/** What was given, completed. */
export interface RelaySettings extends Omit<RelayOptions, 'throttle' | 'timeouts' | 'logger'> {
  readonly tools: Tools;
  readonly toolTimeoutMs: number;
  readonly throttle: Required<ThrottleOptions>;
  readonly timeouts: Required<RelayTimeouts>;
  readonly clock: Clock;
  readonly now: () => number;
  readonly logger: Logger | undefined;
}

/** @throws {InvalidOptionError} for the first option that cannot be meant */
export function resolveRelayOptions(options: RelayOptions): RelaySettings {
  if (typeof options !== 'object' || (options as unknown) === null)
    throw new InvalidOptionError('options', 'an object', options);
  const given = withoutUndefined(options);
  const settings = {
    tools: {},
    clock: systemClock,
    now: () => Date.now(),
    ...given,
    logger: given.logger && guardedLogger(given.logger, given),
    toolTimeoutMs: given.toolTimeoutMs ?? RELAY_DEFAULTS.toolTimeoutMs,
    throttle: { ...RELAY_DEFAULTS.throttle, ...withoutUndefined(given.throttle ?? {}) },
    timeouts: { ...RELAY_DEFAULTS.timeouts, ...withoutUndefined(given.timeouts ?? {}) },
  };
  checkNumbers(settings);
  checkTools(settings.tools);
  checkFriendlyMessages(given.friendlyMessages ?? []);
  const { submitToolOutputs } = settings;
  if (submitToolOutputs !== undefined && typeof submitToolOutputs !== 'function')
    throw new InvalidOptionError('submitToolOutputs', 'a function', submitToolOutputs);
  return settings;
}

/** A JavaScript caller's `undefined` means the default. */
const withoutUndefined = <Given extends object>(given: Given): Given =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Given;

function checkNumbers({ toolTimeoutMs, throttle, timeouts }: RelaySettings): void {
  check('toolTimeoutMs', toolTimeoutMs, 1);
  check('throttle.minChars', throttle.minChars, 1);
  check('throttle.maxWaitMs', throttle.maxWaitMs, 0);
  for (const [name, value] of Object.entries(timeouts)) check(`timeouts.${name}`, value, 1);
}

function checkTools(tools: Tools): void {
  for (const [name, tool] of Object.entries(tools)) {
    const { run, timeoutMs = Infinity } = typeof tool === 'function' ? { run: tool } : tool;
    if (typeof run !== 'function')
      throw new InvalidOptionError(`tools.${name}`, 'a function, or an object with run()', tool);
    check(`tools.${name}.timeoutMs`, timeoutMs, 1);
  }
}

function checkFriendlyMessages(rows: readonly (Partial<FriendlyMessage> | null)[]): void {
  for (const [index, row] of rows.entries()) {
    const { when, say } = row ?? {};
    const isRight = (typeof when === 'string' || when instanceof RegExp) && typeof say === 'string';
    if (!isRight)
      throw new InvalidOptionError(`friendlyMessages[${index}]`, 'an object { when, say } of texts', row);
  }
}

function check(name: string, value: unknown, atLeast: number): void {
  if (typeof value !== 'number' || !(value >= atLeast))
    throw new InvalidOptionError(name, `a number of at least ${atLeast}`, value);
}
