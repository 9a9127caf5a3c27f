// What the page says of an event and of a moment, in words.
import { describe, expect, it } from 'vitest';
import { connectionMachine } from '../../../machines/index.ts';
import { explain } from '../../../visualizations/live/page/explain.ts';
import { closesIn, eventLabel, readEntry } from '../../../visualizations/live/page/reading.ts';
import { arrange, restOf, toneOf, wordOf } from '../../../visualizations/live/page/tone.ts';
import type { Entry, Row } from '../../../visualizations/live/protocol.ts';
import { entryOf, viewOf } from './machine.ts';

const machine = viewOf(connectionMachine);
const limits = { connectMs: 10_000, handshakeMs: 5_000, closeMs: 2_000, stableAfterMs: 30_000 };
const goingAway = {
  code: 'CLOSED_BY_PEER',
  cure: 'retry',
  details: { closeCode: 1001, closeReason: 'deploying' },
};

const open = entryOf({
  event: { type: 'handshake.accepted' },
  value: { online: { open: 'healthy' } },
  context: { limits, attempt: 0, reason: 'HANDSHAKE_ACCEPTED', failure: null },
});
const lost = entryOf({
  index: 1,
  at: 1_500,
  event: { type: 'socket.closed', failure: goingAway },
  value: 'deciding',
  context: { limits, attempt: 1, reason: 'CLOSED_BY_PEER', failure: goingAway },
});
const planned = entryOf({
  index: 2,
  event: { type: 'verdict.retry', delayMs: 3_200 },
  value: { reconnecting: 'backingOff' },
  context: { ...(lost.context as object), retryInMs: 3_200 },
});

describe('an event', () => {
  it('that brings a failure is read with its code and its details', () => {
    expect(readEntry(lost, open)).toEqual({
      label: 'socket.closed',
      isFailure: true,
      failure: { code: 'CLOSED_BY_PEER', details: goingAway.details },
      reason: 'CLOSED_BY_PEER',
      payload: 'closeCode 1001 · closeReason deploying',
    });
  });

  it('that follows a failure is none itself', () => {
    expect(readEntry(planned, lost)).toEqual({
      label: 'verdict.retry',
      isFailure: false,
      failure: undefined,
      reason: '',
      payload: 'delayMs 3.2 s',
    });
  });

  it('that establishes a failure, such as a deadline that passed, is one', () => {
    const failure = { code: 'CONNECT_TIMEOUT', cure: 'retry', details: { limitMs: 10_000 } };
    const overdue = entryOf({
      event: { type: 'xstate.after.connectTimeout.connection.online.connecting' },
      value: 'deciding',
      context: { failure, reason: 'CONNECT_TIMEOUT' },
    });

    expect(readEntry(overdue, open)).toMatchObject({
      label: 'after connectTimeout',
      isFailure: true,
      reason: 'CONNECT_TIMEOUT',
    });
  });

  it.each([
    ['xstate.init', 'started'],
    ['xstate.after.1000.light.green', 'after 1000 ms'],
    ['xstate.done.actor.upload', 'upload done'],
    ['xstate.error.actor.upload', 'upload failed'],
    ['xstate.done.state.form.sent', 'done state.form.sent'],
    ['user.clicked', 'user.clicked'],
  ])('of the type %s is called "%s"', (type, label) => {
    expect(eventLabel(type)).toBe(label);
  });
});

it('counts the close codes that were met, the most frequent first', () => {
  const closedWith = (closeCode: number, closeReason?: string): Entry =>
    entryOf({
      event: { type: 'socket.closed', failure: { code: 'X', details: { closeCode, closeReason } } },
      value: '',
    });
  const verdict = entryOf({ event: { type: 'verdict.stop', failure: goingAway }, value: 'failed' });

  expect(closesIn([closedWith(1006), closedWith(1001, 'a'), open, closedWith(1001, 'a'), verdict])).toEqual([
    { code: 1001, name: 'going away', reason: 'a', count: 2 },
    { code: 1006, name: 'abnormal closure', reason: '', count: 1 },
  ]);
});

describe('what is going on', () => {
  it('is told with the states, the transition, the reason, the remedy and what comes next', () => {
    const { states, edge, why, remedy, next } = explain(machine, { entry: planned, before: lost });

    expect(states.map(({ key }) => key)).toEqual(['reconnecting', 'backingOff']);
    expect(edge?.description).toBe('Try again after a delay.');
    expect(why).toBe('The server closed the connection: received 1001 (going away, "deploying").');
    expect(remedy).toBe('Read the close code; change what it means with the protocol or retry.policy.');
    expect(next).toEqual({ text: 'before retry 1.', waitMs: 3_200 });
  });

  it.each([
    ['idle', 'Nothing happens until connect() is called.'],
    [{ online: 'connecting' }, 'The attempt is lost unless the socket opens within 10 s.'],
    [
      { online: { open: 'probing' } },
      'Any byte from the server proves that the link lives; without one it is given up.',
    ],
    [
      { online: { closing: 'leaving' } },
      "The server's answer to the goodbye is awaited, and it ends within 2 s.",
    ],
    ['failed', 'Nothing happens until connect() is called again.'],
  ])('in %j ends with: %s', (value, text) => {
    const entry = entryOf({ event: { type: 'any' }, value: value, context: { limits } });

    expect(explain(machine, { entry, before: undefined }).next).toEqual({ text });
  });

  it('is told of a machine that is no connection too', () => {
    const other = { ...machine, id: 'other' };

    expect(explain(other, { entry: open, before: undefined }).next).toEqual({
      text: 'Nothing more: no transition leaves this state.',
    });
  });
});

describe('a state', () => {
  it.each([
    ['online.open.healthy', 'good', 'open', 'healthy'],
    ['online.open.probing', 'wait', 'open', 'probing'],
    ['online.connecting', 'busy', 'connecting', ''],
    ['online.closing.leaving', 'busy', 'closing', 'leaving'],
    ['deciding', 'wait', 'reconnecting', 'deciding'],
    ['reconnecting.backingOff', 'wait', 'reconnecting', 'backingOff'],
    ['failed', 'bad', 'failed', ''],
    ['closed', 'rest', 'closed', ''],
  ])('%s of a connection looks %s and is called %s', (path, tone, word, rest) => {
    expect([toneOf(path), wordOf(path, 'connection'), restOf(path, 'connection')]).toEqual([
      tone,
      word,
      rest,
    ]);
  });

  it('of another machine is called by its innermost name', () => {
    expect([toneOf('cart.paying'), wordOf('cart.paying', 'shop'), restOf('cart.paying', 'shop')]).toEqual([
      'rest',
      'paying',
      'cart',
    ]);
  });
});

describe('the list', () => {
  const row = (id: string, state: string, extras: Partial<Row> = {}): Row => ({
    id,
    name: id,
    machine: 'connection',
    application: 'shop',
    state,
    status: 'live',
    since: 0,
    lastEvent: '',
    events: 0,
    ...extras,
  });
  const rows = [
    row('a', 'online.open.healthy', { since: 5, events: 9 }),
    row('b', 'failed', { since: 3 }),
    row('c', 'reconnecting.backingOff', { since: 9 }),
    row('d', 'failed', { status: 'ended' }),
  ];
  const order = (...[filter, sort]: [string, Parameters<typeof arrange>[2]]) =>
    arrange(rows, filter, sort).map(({ id }) => id);

  it('has first what needs attention, or what is asked for', () => {
    expect(order('', 'attention')).toEqual(['b', 'c', 'a', 'd']);
    expect(order('', 'name')).toEqual(['a', 'b', 'c', 'd']);
    expect(order('', 'since')).toEqual(['c', 'a', 'b', 'd']);
    expect(order('', 'events')).toEqual(['a', 'b', 'c', 'd']);
  });

  it('has only rows with every word of the filter', () => {
    expect(order('SHOP fail', 'name')).toEqual(['b', 'd']);
    expect(order('fail ended', 'name')).toEqual(['d']);
    expect(order('nothing', 'name')).toEqual([]);
  });
});
