// Which actors work in which state, what they are told, and what becomes of a machine that was given none.
import { createActor, fromCallback } from 'xstate';
import { describe, expect, it } from 'vitest';
import { connectionMachine, selectState, type ConnectionSnapshot } from '../../machines/index.ts';
import { limits, linkLost, live, samples, say, type Said } from '../support/chart.ts';

interface Spawned {
  readonly id: string;
  readonly input: unknown;
}

const spawnedBy = (from: ConnectionSnapshot, event: Said): Spawned[] =>
  say(from, event)[1]
    .filter(({ type }) => type === 'xstate.spawnChild')
    .map(({ params }) => params as Spawned)
    .map(({ id, input }) => ({ id, input }));

const stoppedBy = (from: ConnectionSnapshot, event: Said): string[] =>
  say(from, event)[1]
    .filter(({ type }) => type === 'xstate.stopChild')
    .map(({ params }) => (params as { readonly id: string }).id);

const open = ['connect', 'socket.opened', 'handshake.accepted'] as const;

describe('the socket actor', () => {
  it('is told which attempt it makes, for which session, and why', () => {
    const retrying = live(...open, 'socket.closed', 'verdict.retry');

    expect(spawnedBy(live(), 'connect')).toEqual([
      { id: 'socket', input: { attempt: 0, session: 1, reason: 'CONNECT_CALLED' } },
    ]);
    expect(spawnedBy(retrying, 'after backoff')).toEqual([
      { id: 'socket', input: { attempt: 1, session: 2, reason: 'LINK_LOST' } },
    ]);
  });

  it('ends with each way out of online, and so do the actors inside', () => {
    expect(stoppedBy(live('connect'), 'after connectTimeout')).toEqual(['socket']);
    expect(stoppedBy(live('connect', 'socket.opened'), 'handshake.rejected')).toEqual(['socket']);
    expect(stoppedBy(live(...open), 'socket.closed')).toEqual(['heartbeat', 'socket']);
    expect(stoppedBy(live(...open, 'heartbeat.doubted'), 'heartbeat.missed')).toEqual([
      'heartbeat',
      'socket',
    ]);
    expect(stoppedBy(live(...open, 'disconnect'), 'after closeTimeout')).toEqual(['farewell', 'socket']);
  });

  it('is another one after a goodbye that was followed by a wish to come back', () => {
    const returning = live(...open, 'disconnect', 'connect');

    expect(stoppedBy(returning, 'socket.closed')).toEqual(['farewell', 'socket']);
    expect(spawnedBy(returning, 'socket.closed')).toEqual([
      { id: 'socket', input: { attempt: 0, session: 1, reason: 'CONNECT_CALLED' } },
    ]);
  });

  it('stays while the connection says goodbye', () => {
    expect(stoppedBy(live(...open), 'disconnect')).toEqual(['heartbeat']);
    expect(spawnedBy(live(...open), 'disconnect')).toEqual([{ id: 'farewell', input: undefined }]);
  });
});

describe('the retry policy', () => {
  it('is told everything about the loss', () => {
    expect(spawnedBy(live(...open), 'socket.closed')).toEqual([
      {
        id: 'retryPolicy',
        input: {
          attempt: 1,
          phase: 'open',
          sessions: 1,
          refreshes: 0,
          repeats: 1,
          previousDelayMs: null,
          failure: linkLost,
        },
      },
    ]);
  });

  it('is told the delay that was drawn before, once there was one', () => {
    const redialled = live('connect', 'socket.closed', 'verdict.retry', 'after backoff');

    expect(spawnedBy(redialled, 'socket.closed')).toMatchObject([
      { input: { attempt: 2, previousDelayMs: 75 } },
    ]);
  });
});

describe('a machine that was not given its actors', () => {
  const silent = fromCallback(() => undefined);
  const whenNeeded = [
    ['socket', ['connect']],
    ['heartbeat', open],
    ['farewell', [...open, 'disconnect']],
    ['retryPolicy', ['connect', 'socket.closed']],
    ['surroundings', ['connect', 'socket.closed', 'verdict.retry']],
  ] as const;

  it.each(whenNeeded)('says that it needs the actor %s, and has failed', (missing, events) => {
    const names = whenNeeded.map(([name]) => name).filter((name) => name !== missing);
    const actors = Object.fromEntries(names.map((name) => [name, silent]));
    const actor = createActor(connectionMachine.provide({ actors }), { input: { limits } });
    const thrown: unknown[] = [];
    actor.subscribe({ error: (error) => thrown.push(error) });

    actor.start();
    for (const type of events) actor.send(samples[type]);

    expect(thrown).toEqual([
      new Error(
        `The actor "${missing}" was not provided: use connectionMachine.provide({ actors: { ${missing} } }).`,
      ),
    ]);
    expect(selectState(actor.getSnapshot())).toBe('failed');
  });
});
