// Which states are active, and which edge was taken: of the connection's chart, and of charts with what it has not.
import { createMachine } from 'xstate';
import { describe, expect, it } from 'vitest';
import { connectionMachine } from '../../../machines/index.ts';
import {
  activeLeaves,
  activeStates,
  leafOf,
  liveActors,
  pathOf,
  possibleEdges,
  takenEdge,
} from '../../../visualizations/live/page/chart-model.ts';
import { entryOf, viewOf } from './machine.ts';

const connection = viewOf(connectionMachine);
const ids = (states: readonly { readonly id: string }[]) => states.map(({ id }) => id);

/** The edge that leads from one value to another, as `source event target`. */
function taken(machine: typeof connection, before: object | string, type: string, value: object | string) {
  const edge = takenEdge(machine, before as never, entryOf({ event: { type }, value: value as never }));
  return edge && `${edge.source} ${edge.event} ${edge.target}`;
}

describe('the active states', () => {
  it('are those on the way to the innermost one, the outermost first', () => {
    const value = { online: { open: 'healthy' } };

    expect(ids(activeStates(connection, value))).toEqual([
      'connection.online',
      'connection.online.open',
      'connection.online.open.healthy',
    ]);
    expect(ids(activeLeaves(connection, value))).toEqual(['connection.online.open.healthy']);
    expect(pathOf(value)).toBe('online.open.healthy');
  });

  it('are those of every parallel region, whatever their ids are', () => {
    const machine = viewOf(
      createMachine({
        id: 'player',
        type: 'parallel',
        states: {
          sound: { initial: 'on', states: { on: { id: 'loud' }, off: {} } },
          film: { initial: 'playing', states: { playing: {} } },
        },
      }),
    );
    const value = { sound: 'on', film: 'playing' };

    expect(ids(activeStates(machine, value))).toEqual([
      'player.sound',
      'loud',
      'player.film',
      'player.film.playing',
    ]);
    expect(ids(activeLeaves(machine, value))).toEqual(['loud', 'player.film.playing']);
    expect(pathOf(value)).toBe('sound.on + film.playing');
  });

  it('say which actors live', () => {
    const actors = liveActors(connection, { online: { open: 'probing' } });

    expect(actors.map(({ actor, state }) => [actor, state.key])).toEqual([
      ['socket', 'online'],
      ['heartbeat', 'open'],
    ]);
  });

  it('are none that the chart does not have', () => {
    expect(activeStates(connection, 'dreaming')).toEqual([]);
  });
});

it('finds the state that is active in the end when another one is entered', () => {
  expect(leafOf(connection, 'connection.online')).toBe('connection.online.connecting');
  expect(leafOf(connection, 'connection.failed')).toBe('connection.failed');
});

describe('the edge that was taken', () => {
  it('is the one of the innermost state that answers', () => {
    expect(taken(connection, { online: 'connecting' }, 'disconnect', 'closed')).toBe(
      'connection.online.connecting disconnect connection.closed',
    );
    expect(
      taken(connection, { online: 'authenticating' }, 'disconnect', { online: { closing: 'leaving' } }),
    ).toBe('connection.online disconnect connection.online.closing');
  });

  it('may be one of a state further out, and lead into a state with others inside', () => {
    expect(taken(connection, { online: { open: 'healthy' } }, 'socket.closed', 'deciding')).toBe(
      'connection.online socket.closed connection.deciding',
    );
    expect(taken(connection, 'deciding', 'verdict.retry', { reconnecting: 'backingOff' })).toBe(
      'connection.deciding verdict.retry connection.reconnecting',
    );
  });

  it('may be a delay', () => {
    const type = 'xstate.after.backoff.connection.reconnecting.backingOff';

    expect(taken(connection, { reconnecting: 'backingOff' }, type, { online: 'connecting' })).toBe(
      `connection.reconnecting.backingOff ${type} connection.online`,
    );
  });

  it('may be one that changes no state', () => {
    const type = 'xstate.after.stable.connection.online.open';
    const value = { online: { open: 'healthy' } };

    expect(taken(connection, value, type, value)).toBe(`connection.online.open ${type} null`);
  });

  it('is the one whose target is active, of several for the same event', () => {
    const machine = viewOf(
      createMachine({
        id: 'door',
        initial: 'shut',
        states: {
          shut: { on: { push: [{ guard: () => false, target: 'broken' }, { target: 'ajar' }] } },
          ajar: {},
          broken: {},
        },
      }),
    );

    expect(taken(machine, 'shut', 'push', 'ajar')).toBe('door.shut push door.ajar');
  });

  it('is the only candidate when an eventless transition has led on', () => {
    const machine = viewOf(
      createMachine({
        id: 'lift',
        initial: 'down',
        states: { down: { on: { call: 'moving' } }, moving: { always: 'up' }, up: {} },
      }),
    );

    expect(taken(machine, 'down', 'call', 'up')).toBe('lift.down call lift.moving');
  });

  it('is none for an event that nothing answers, and none when what was before is not known', () => {
    expect(taken(connection, 'closed', 'page.returned', 'closed')).toBeUndefined();
    const entry = entryOf({ event: { type: 'connect' }, value: { online: 'connecting' } });
    expect(takenEdge(connection, undefined, entry)).toBeUndefined();
  });
});

it('lists what can happen, without what an inner state answers in another way', () => {
  const edges = possibleEdges(connection, { online: 'connecting' });

  expect(edges.map(({ source, label }) => `${source} ${label}`)).toEqual([
    'connection.online.connecting socket.opened',
    'connection.online.connecting disconnect',
    'connection.online.connecting after connectTimeout',
    'connection.online socket.closed',
  ]);
});
