// The connection machine with one thing wrong: each transition left out, each action forgotten, each actor not invoked,
// and some mistakes that only a person makes.
import { assign, type AnyStateMachine } from 'xstate';
import type { connectionMachine } from '../../machines/index.ts';

type Machine = typeof connectionMachine;

/** A state of a machine's config, as far as it is changed here. */
interface Config {
  states?: Record<string, Config>;
  on?: Record<string, Arrow>;
  after?: Record<string, Arrow>;
  entry?: unknown;
  invoke?: unknown;
  tags?: unknown;
}

interface Arrow {
  target?: string;
  actions?: string;
}

type Change = (root: Config) => void;

/** The same machine with another config. The actors that it was provided with stay. */
function changed(machine: Machine, change: Change): Machine {
  const config = copyOf(machine.config) as Config;
  change(config);
  const Machine = machine.constructor as new (config: unknown, implementations: unknown) => Machine;
  return new Machine(config, machine.implementations);
}

/** Functions are shared, everything around them is copied. */
function copyOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyOf);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, copyOf(inner)]));
}

function stateAt(root: Config, path: string): Config {
  return path.split('.').reduce<Config>((state, key) => {
    const inner = state.states?.[key];
    if (inner === undefined) throw new Error(`There is no state ${path}.`);
    return inner;
  }, root);
}

function arrowAt(root: Config, path: string, event: string): Arrow {
  const { on = {}, after = {} } = stateAt(root, path);
  const arrow = on[event] ?? after[event];
  if (arrow === undefined) throw new Error(`${path} has no arrow for ${event}.`);
  return arrow;
}

/** Each state below, with its path. */
function statesOf(state: Config, path = ''): (readonly [path: string, state: Config])[] {
  return Object.entries(state.states ?? {}).flatMap(([key, inner]) => {
    const innerPath = path === '' ? key : `${path}.${key}`;
    return [[innerPath, inner] as const, ...statesOf(inner, innerPath)];
  });
}

/** One mistake each, for everything of its kind that the config has. */
export function everyOmission(machine: Machine): Record<string, Machine> {
  const found: [string, Change][] = statesOf(machine.config as Config).flatMap(([path, state]) => [
    ...(['on', 'after'] as const).flatMap((kind) =>
      Object.entries(state[kind] ?? {}).flatMap(([event, arrow]): [string, Change][] => [
        [
          `${path} does not hear ${event}`,
          (root) => void Reflect.deleteProperty(stateAt(root, path)[kind] ?? {}, event),
        ],
        ...forgetting(path, event, arrow),
      ]),
    ),
    ...(['entry', 'invoke', 'tags'] as const)
      .filter((part) => state[part] !== undefined)
      .map((part): [string, Change] => [
        `${path} has no ${part}`,
        (root) => void Reflect.deleteProperty(stateAt(root, path), part),
      ]),
  ]);
  return Object.fromEntries(found.map(([name, change]) => [name, changed(machine, change)]));
}

const forgetting = (path: string, event: string, { actions, target }: Arrow): [string, Change][] =>
  actions === undefined || target === undefined
    ? []
    : [[`${path} forgets to ${actions} on ${event}`, (root) => delete arrowAt(root, path, event).actions]];

/** Mistakes that leave nothing out. */
export function likelyMistakes(machine: Machine): Record<string, Machine> {
  const leading = (path: string, event: string, target: string) =>
    changed(machine, (root) => (arrowAt(root, path, event).target = target));
  const tagged = (path: string, tags: string) =>
    changed(machine, (root) => (stateAt(root, path).tags = tags));
  const acting = (actions: Record<string, unknown>, delays: Record<string, unknown> = {}) =>
    (machine as AnyStateMachine).provide({ actions, delays } as never) as unknown as Machine;
  return {
    'a missed sign of life makes it healthy': leading('online.open.probing', 'heartbeat.missed', 'healthy'),
    'a loss is final': leading('online', 'socket.closed', 'failed'),
    'a loss dials at once, without a verdict': leading('online', 'socket.closed', '.connecting'),
    'disconnect() while open drops the link': leading('online', 'disconnect', 'closed'),
    'disconnect() while dialling waits for an answer': leading(
      'online.connecting',
      'disconnect',
      '#connection.online.closing',
    ),
    'an unanswered farewell is a loss': leading(
      'online.closing.leaving',
      'closeTimeout',
      '#connection.deciding',
    ),
    'who comes back does not': leading('online.closing.returning', 'socket.closed', '#connection.closed'),
    'a stopped connection is closed': leading('deciding', 'verdict.stop', 'closed'),
    'waiting for the network is only a wait': leading(
      'deciding',
      'verdict.waitForNetwork',
      'reconnecting.backingOff',
    ),
    'fresh credentials wait for the network': leading('deciding', 'verdict.reauthenticate', 'reconnecting'),
    'a returning page is not waited for': leading('reconnecting', 'page.returned', 'reconnecting'),
    'a rejected handshake is open': leading('online.authenticating', 'handshake.rejected', 'open'),
    'messages are refused while open': tagged('online.open', 'refuses'),
    'messages are written in the handshake': tagged('online.authenticating', 'writes'),
    'messages are queued after the end': tagged('closed', 'queues'),
    'messages are queued after it gave up': tagged('failed', 'queues'),
    'messages are refused between two attempts': tagged('reconnecting', 'refuses'),
    'the open session resets the attempts at once': changed(machine, (root) => {
      stateAt(root, 'online.open').entry = ['enterOpen', 'resetAttempts'];
    }),
    'sessions are not counted': acting({
      welcome: assign({ refreshes: 0, reason: 'HANDSHAKE_ACCEPTED' }),
    }),
    'refreshes are never forgiven': acting({
      welcome: assign(({ context }: { context: { sessions: number } }) => ({
        sessions: context.sessions + 1,
        reason: 'HANDSHAKE_ACCEPTED',
      })),
    }),
    'a stable session forgets nothing': acting({ resetAttempts: () => undefined }),
    'a stable session forgets the repeats only': acting({
      resetAttempts: assign({ repeats: 0, failure: null }),
    }),
    'a stable session forgets the attempts only': acting({ resetAttempts: assign({ attempt: 0 }) }),
    'attempts count double': acting({
      countAttempt: assign(({ context }: { context: { attempt: number } }) => ({
        attempt: context.attempt + 2,
      })),
    }),
    'a wait takes no time': acting({}, { backoff: 0 }),
    'a session is stable at once': acting({}, { stable: 0 }),
    'the time for closing is never over': acting({}, { closeTimeout: 1_000_000 }),
    'the time for closing is over at once': acting({}, { closeTimeout: 0 }),
    'the limit for the handshake is that for connecting': acting({}, { handshakeTimeout: 15_000 }),
    'the network is waited for without patience': acting({}, { networkPatience: 0 }),
  };
}
