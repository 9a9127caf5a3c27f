// What the machine remembers: one fact at a time, along lives that end after a few events.
import { describe, expect, it } from 'vitest';
import type { ConnectionContext, ConnectionSnapshot, Failure } from '../../machines/index.ts';
import {
  at,
  created,
  exhausted,
  limits,
  linkLost,
  live,
  rejected,
  say,
  type Said,
} from '../support/chart.ts';

const lost = (code: string, closeCode = 1006): { type: 'socket.closed'; failure: Failure } => ({
  type: 'socket.closed',
  failure: { code, cure: 'retry', details: { closeCode } },
});

const dial = ['socket.opened', 'handshake.accepted'] as const;
const lose = ['socket.closed', 'verdict.retry', 'after backoff'] as const;

const after = (from: ConnectionSnapshot, ...events: readonly Said[]): ConnectionContext =>
  say(from, ...events)[0].context;

describe('a new machine', () => {
  it('remembers its limits and nothing else', () => {
    expect(created().context).toEqual({
      limits,
      attempt: 0,
      sessions: 0,
      refreshes: 0,
      repeats: 0,
      retryInMs: null,
      failure: null,
      phase: 'connecting',
      reason: 'CREATED',
    });
  });
});

describe('attempt', () => {
  it('is zero for a first dial, and one more after each loss', () => {
    const attempts = [[], lose, [...lose, ...lose]].map(
      (events) => live('connect', ...events).context.attempt,
    );

    expect(attempts).toEqual([0, 1, 2]);
  });

  it('is counted before the policy is asked', () => {
    expect(live('connect', 'socket.closed').context.attempt).toBe(1);
  });

  it('is not forgotten by a session that opens and is lost before it was stable', () => {
    expect(live('connect', ...lose, ...dial, ...lose).context.attempt).toBe(2);
  });

  it('counts on over sessions that were not stable, so that a message that kills each of them is noticed', () => {
    const kill = lost('CLOSED_BY_PEER', 1009);

    expect(
      live('connect', ...dial, kill, 'verdict.retry', 'after backoff', ...dial, kill).context.repeats,
    ).toBe(2);
  });

  it('starts anew after a session that was stable', () => {
    expect(live('connect', ...lose, ...dial, 'after stable', ...lose).context.attempt).toBe(1);
  });

  it('starts anew with each session when a session counts as stable at once', () => {
    const { attempt, repeats } = after(created({ stableAfterMs: 0 }), 'connect', ...lose, ...dial);

    expect({ attempt, repeats }).toEqual({ attempt: 0, repeats: 0 });
  });

  it('counts on when the user, the network or the page does not want to wait', () => {
    const impatient = ['connect', 'network.returned', 'page.returned'];

    const attempts = impatient.map(
      (event) => live('connect', 'socket.closed', 'verdict.retry', event).context.attempt,
    );

    expect(attempts).toEqual([1, 1, 1]);
  });
});

describe('connect()', () => {
  it.each(['idle', 'failed', 'closed', 'closing.leaving'])(
    'forgets what was before when it begins anew in %s',
    (state) => {
      const before = at(state, {
        attempt: 3,
        sessions: 2,
        refreshes: 1,
        repeats: 2,
        retryInMs: 75,
        failure: exhausted,
      });

      expect(after(before, 'connect')).toEqual({ ...created().context, reason: 'CONNECT_CALLED' });
    },
  );

  it('forgets nothing while a connection is on its way or there', () => {
    for (const state of ['connecting', 'authenticating', 'open.healthy', 'open.probing', 'deciding']) {
      const before = at(state, { attempt: 3, failure: linkLost });

      expect(after(before, 'connect')).toBe(before.context);
    }
  });
});

describe('disconnect()', () => {
  it('leaves the last failure where it was, for whoever asks later', () => {
    expect(live('connect', 'socket.closed', 'disconnect').context).toMatchObject({
      reason: 'DISCONNECT_CALLED',
      failure: linkLost,
    });
  });
});

describe('repeats', () => {
  it('counts losses in a row with the same code and close code', () => {
    const dialAgain = ['verdict.retry', 'after backoff'];
    const third = live('connect', lost('CLOSED_BY_PEER', 1009), ...dialAgain, lost('CLOSED_BY_PEER', 1009));

    expect(third.context.repeats).toBe(2);
    expect(after(third, ...dialAgain, lost('CLOSED_BY_PEER', 1002)).repeats).toBe(1);
    expect(after(third, ...dialAgain, lost('LINK_LOST', 1009)).repeats).toBe(1);
  });

  it('counts on over sessions that were not stable, so that a message that kills each of them is noticed', () => {
    const kill = lost('CLOSED_BY_PEER', 1009);

    expect(
      live('connect', ...dial, kill, 'verdict.retry', 'after backoff', ...dial, kill).context.repeats,
    ).toBe(2);
  });

  it('starts anew after a session that was stable', () => {
    expect(live('connect', ...lose, ...dial, 'after stable', 'socket.closed').context.repeats).toBe(1);
  });
});

describe('refreshes', () => {
  it('counts how often fresh credentials were asked for', () => {
    const once = ['socket.opened', 'handshake.rejected', 'verdict.reauthenticate'];

    expect(live('connect', ...once, ...once).context).toMatchObject({
      refreshes: 2,
      retryInMs: null,
      failure: rejected,
    });
  });

  it('is forgotten once a session is accepted', () => {
    const refreshed = ['socket.opened', 'handshake.rejected', 'verdict.reauthenticate', ...dial];

    expect(live('connect', ...refreshed).context).toMatchObject({ refreshes: 0 });
  });
});

describe('sessions', () => {
  it('counts the sessions that were accepted', () => {
    expect(live('connect', ...dial, ...lose, ...dial).context.sessions).toBe(2);
  });
});

describe('phase', () => {
  it('says how far the connection got, and still says it when it is lost', () => {
    const lives = [['connect'], ['connect', 'socket.opened'], ['connect', ...dial]];

    const phases = lives.map((events) => [
      live(...events).context.phase,
      live(...events, 'socket.closed').context.phase,
    ]);

    expect(phases).toEqual([
      ['connecting', 'connecting'],
      ['authenticating', 'authenticating'],
      ['open', 'open'],
    ]);
  });
});

describe('retryInMs', () => {
  it('is what the policy said', () => {
    const { retryInMs } = live('connect', 'socket.closed', { type: 'verdict.retry', delayMs: 1_234 }).context;

    expect(retryInMs).toBe(1_234);
  });

  it('is not known while the network is waited for', () => {
    expect(live('connect', ...lose, 'socket.closed', 'verdict.waitForNetwork').context.retryInMs).toBeNull();
  });
});

describe('failure', () => {
  it('is what the socket said of its end', () => {
    expect(live('connect', 'socket.closed').context.failure).toEqual(linkLost);
  });

  it('names the limit when a deadline passed', () => {
    const failures = [
      live('connect', 'after connectTimeout'),
      live('connect', 'socket.opened', 'after handshakeTimeout'),
    ].map(({ context }) => context.failure);

    expect(failures).toEqual([
      { code: 'CONNECT_TIMEOUT', cure: 'retry', details: { phase: 'connecting', limitMs: limits.connectMs } },
      {
        code: 'HANDSHAKE_TIMEOUT',
        cure: 'retry',
        details: { phase: 'authenticating', limitMs: limits.handshakeMs },
      },
    ]);
  });

  it('says for how long nothing came when the heartbeat was missed', () => {
    const silent = live('connect', ...dial, 'heartbeat.doubted', 'heartbeat.missed');

    expect(silent.context.failure).toEqual({
      code: 'HEARTBEAT_TIMEOUT',
      cure: 'retry',
      details: { phase: 'open', silentForMs: 30_000 },
    });
  });

  it('is replaced by what the policy gave as the reason to stop', () => {
    expect(live('connect', 'socket.closed', 'verdict.stop').context.failure).toEqual(exhausted);
  });
});
