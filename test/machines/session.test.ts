// The life of a session as a table: one row per arrow of the chart, and what has no row does not happen.
import { createActor, fromCallback, initialTransition, transition, type AnyMachineSnapshot } from 'xstate';
import { describe, expect, it } from 'vitest';
import {
  SESSION_STATES,
  selectSessionState,
  sessionMachine,
  type SessionEvent,
  type SessionSnapshot,
} from '../../machines/index.ts';

const limits = { acceptMs: 100, closeMs: Infinity };

const events = {
  'request.accepted': { type: 'request.accepted' },
  'request.refused': { type: 'request.refused', status: 401 },
  'link.closed': { type: 'link.closed', code: 4000, reason: 'bye', cause: 'CLOSED_BY_PEER' },
  close: { type: 'close', code: 4001, reason: 'enough' },
  terminate: { type: 'terminate', cause: 'TERMINATED' },
  'handler.returned': { type: 'handler.returned' },
  'handler.failed': { type: 'handler.failed' },
  'heartbeat.missed': { type: 'heartbeat.missed' },
  'idle.exceeded': { type: 'idle.exceeded' },
  'after acceptTimeout': { type: 'xstate.after.acceptTimeout.session.accepting' },
  'after closeTimeout': { type: 'xstate.after.closeTimeout.session.linked.closing' },
} as const;

type Said = keyof typeof events;

const say = (from: SessionSnapshot, event: Said) =>
  transition(sessionMachine, from, events[event] as SessionEvent);

const after = (...said: readonly Said[]): SessionSnapshot => {
  const [start] = initialTransition(sessionMachine, { limits });
  return said.reduce((snapshot, event) => say(snapshot, event)[0], start);
};

const starts = {
  accepting: after(),
  open: after('request.accepted'),
  closing: after('request.accepted', 'close'),
  closed: after('request.refused'),
} as const;

// prettier-ignore
const table: readonly (readonly [keyof typeof starts, Said, string, cause: string, closeCode: number | null])[] = [
  ['accepting', 'request.accepted',    'open',    'ACCEPTED',          null],
  ['accepting', 'request.refused',     'closed',  'REFUSED',           null],
  ['accepting', 'link.closed',         'closed',  'PEER_LEFT',         null],
  ['accepting', 'close',               'closed',  'SHUTTING_DOWN',     null],
  ['accepting', 'terminate',           'closed',  'SHUTTING_DOWN',     null],
  ['accepting', 'after acceptTimeout', 'closed',  'ACCEPT_TIMEOUT',    null],

  ['open',      'link.closed',         'closed',  'CLOSED_BY_PEER',    4000],
  ['open',      'terminate',           'closed',  'TERMINATED',        1006],
  ['open',      'close',               'closing', 'CLOSE_CALLED',      null],
  ['open',      'handler.returned',    'closing', 'HANDLER_RETURNED',  null],
  ['open',      'handler.failed',      'closing', 'HANDLER_FAILED',    null],
  ['open',      'idle.exceeded',       'closing', 'IDLE_TIMEOUT',      null],
  ['open',      'heartbeat.missed',    'closed',  'HEARTBEAT_TIMEOUT', 1006],

  ['closing',   'link.closed',         'closed',  'CLOSE_CALLED',      4000],
  ['closing',   'terminate',           'closed',  'TERMINATED',        1006],
  ['closing',   'after closeTimeout',  'closed',  'CLOSE_CALLED',      1006],
];

describe('a session', () => {
  it.each(table)('that is %s, on %s, is %s because of %s', (from, event, to, cause, closeCode) => {
    const [next] = say(starts[from], event);
    expect([selectSessionState(next), next.context.cause, next.context.closeCode]).toEqual([
      to,
      cause,
      closeCode,
    ]);
  });

  it('does nothing else', () => {
    const known = new Set(table.map(([from, event]) => `${from} + ${event}`));
    const surprises = Object.entries(starts).flatMap(([from, snapshot]) =>
      (Object.keys(events) as Said[])
        .filter((event) => !known.has(`${from} + ${event}`) && say(snapshot, event)[0] !== snapshot)
        .filter((event) => {
          const [next, actions] = say(snapshot, event);
          return actions.length > 0 || JSON.stringify(next) !== JSON.stringify(snapshot);
        })
        .map((event) => `${from} + ${event}`),
    );
    expect(surprises).toEqual([]);
  });

  it('has four public states, and is closed when its machine has crashed', () => {
    expect(Object.values(starts).map(selectSessionState)).toEqual(SESSION_STATES);
    expect(selectSessionState({ ...starts.open, status: 'error' } as unknown as SessionSnapshot)).toBe(
      'closed',
    );
  });

  it.each([
    ['close', { code: 4001, reason: 'enough' }],
    ['handler.returned', { code: 1000, reason: '' }],
    ['handler.failed', { code: 1011, reason: 'Internal error' }],
    ['idle.exceeded', { code: 1001, reason: 'Idle for too long' }],
  ] as const)('says goodbye after %s in the right words', (event, goodbye) => {
    const [, actions] = say(starts.open, event);
    const spawned = actions.filter(({ type }) => type === 'xstate.spawnChild').map(({ params }) => params);
    expect(spawned).toMatchObject([{ id: 'goodbye', input: goodbye }]);
  });

  it('keeps each actor for as long as its state lasts', () => {
    const stopped = (from: SessionSnapshot, event: Said): unknown[] =>
      say(from, event)[1]
        .filter(({ type }) => (type as string) === 'xstate.stopChild')
        .map(({ params }) => (params as { readonly id: string }).id);

    expect(stopped(starts.accepting, 'request.accepted')).toEqual(['gatekeeper']);
    expect(stopped(starts.accepting, 'after acceptTimeout')).toEqual(['gatekeeper']);
    expect(stopped(starts.open, 'close').sort()).toEqual(['handler', 'watchdog']);
    expect(stopped(starts.open, 'link.closed').sort()).toEqual(['handler', 'link', 'watchdog']);
    expect(stopped(starts.closing, 'after closeTimeout').sort()).toEqual(['goodbye', 'link']);
  });

  it('is over when it is closed, and says which status a request was refused with', () => {
    expect(starts.closed.status).toBe('done');
    expect(
      [starts.closed, after('after acceptTimeout'), after('close')].map(({ context }) => context.status),
    ).toEqual([...[401, 503, 503]]);
  });

  it('that was given no actors says which one is missing', () => {
    const actor = createActor(sessionMachine, { input: { limits } });
    const errors: unknown[] = [];
    actor.subscribe({ error: (error) => errors.push(error) });
    actor.start();
    expect(String(errors[0])).toContain('The actor "gatekeeper" was not provided');
  });

  it('describes every state and every arrow', () => {
    const missing: string[] = [];
    const look = (name: string, node: Record<string, unknown>): void => {
      if (node['description'] === undefined) missing.push(name);
      for (const [key, arrow] of Object.entries({ ...(node['on'] as object), ...(node['after'] as object) }))
        if ((arrow as Record<string, unknown>)['description'] === undefined) missing.push(`${name} ${key}`);
      for (const [key, child] of Object.entries((node['states'] as object | undefined) ?? {}))
        look(key, child as Record<string, unknown>);
    };
    look('session', sessionMachine.config as Record<string, unknown>);
    expect(missing).toEqual([]);
  });

  it('waits by its own limits', () => {
    const idle = fromCallback(() => undefined);
    const actors = { gatekeeper: idle, link: idle, handler: idle, watchdog: idle, goodbye: idle };
    const waits: number[] = [];
    const clock = { setTimeout: (_: unknown, ms: number) => waits.push(ms), clearTimeout: () => undefined };
    const actor = createActor(sessionMachine.provide({ actors: actors as never }), {
      input: { limits },
      clock,
    });
    actor.start();
    actor.send({ type: 'request.accepted' });
    actor.send({ type: 'close', code: 1000, reason: '' });
    expect(waits).toEqual([100, 2_147_483_647]);
    expect((actor.getSnapshot() as AnyMachineSnapshot).value).toEqual({ linked: 'closing' });
    actor.stop();
  });
});
