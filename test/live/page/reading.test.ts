// What the page says of an event and of a moment, in words.
import { describe, expect, it } from 'vitest';
import { createMachine } from 'xstate';
import { connectionMachine } from '../../../machines/index.ts';
import { explain } from '../../../visualizations/live/page/explain.ts';
import { closesIn, eventLabel, readEntry } from '../../../visualizations/live/page/reading.ts';
import { countOf } from '../../../visualizations/live/page/row-count.ts';
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
      caption: '',
    });
  });

  it('that follows a failure is none itself', () => {
    expect(readEntry(planned, lost)).toEqual({
      label: 'verdict.retry',
      isFailure: false,
      failure: undefined,
      reason: '',
      payload: 'delayMs 3.2 s',
      caption: '',
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

  it('that ends a connection which says goodbye is no failure, and its code still stands there', () => {
    const normal = { code: 'CLOSED_BY_PEER', details: { closeCode: 1000 } };
    const leaving = entryOf({
      event: { type: 'disconnect' },
      value: { online: { closing: 'leaving' } },
      context: { reason: 'DISCONNECT_CALLED', failure: null },
    });
    const closed = entryOf({
      event: { type: 'socket.closed', failure: normal },
      value: 'closed',
      context: leaving.context,
    });

    expect(readEntry(closed, leaving)).toEqual({
      label: 'socket.closed',
      isFailure: false,
      failure: undefined,
      reason: 'CLOSED_BY_PEER',
      payload: 'closeCode 1000',
      caption: '',
    });
  });

  it('that stands for those which were not told says so, and is no failure, whatever happened meanwhile', () => {
    const missed = entryOf({ ...lost, event: { type: 'statewire.missed' } });

    expect(readEntry(missed, open)).toEqual({
      label: 'events missing',
      isFailure: false,
      failure: undefined,
      reason: 'CLOSED_BY_PEER',
      payload: '',
      caption: 'Some events could not be told; this is how it is by now.',
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

  it.each([
    ['at the end of what is known', goingAway, true, 'Nothing more: what is known of it ends here.'],
    ['when it was stopped', { type: 'xstate.stop' }, false, 'Nothing more: it was stopped.'],
  ])('awaits nothing %s', (_, event, isEnd, text) => {
    const entry = { ...planned, event: { type: 'any', ...event } };

    expect(explain(machine, { entry, before: lost }, isEnd)).toMatchObject({ next: { text }, choices: [] });
  });

  it('awaits nothing in a state that no transition leaves', () => {
    const sent = createMachine({ id: 'form', initial: 'sent', states: { sent: { type: 'final' } } });
    const entry = entryOf({ event: { type: 'xstate.init' }, value: 'sent' });

    expect(explain(viewOf(sent), { entry, before: undefined }, true).next).toEqual({
      text: 'Nothing more: no transition leaves this state.',
    });
  });

  it('is told with what can happen next', () => {
    const { choices } = explain(machine, { entry: planned, before: lost });

    expect(choices.map(({ event }) => event)).toContain('network.returned');
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

  it('is counted by what is open and what has ended', () => {
    expect(countOf([row('e', 'closed'), row('f', 'online.open.probing')])).toBe('2 · 1 open');
    expect(countOf(rows)).toBe('4 · 1 open · 1 ended');
    expect(countOf([row('e', 'online.open.healthy', { status: 'ended' })])).toBe('1 · 0 open · 1 ended');
    expect(countOf([])).toBe('');
  });

  it('is counted without a word of what is open where there is no connection', () => {
    const others = [row('e', 'red', { machine: 'light' }), row('f', 'green', { machine: 'light' })];

    expect(countOf(others)).toBe('2');
  });

  it('has only rows with every word of the filter', () => {
    expect(order('SHOP fail', 'name')).toEqual(['b', 'd']);
    expect(order('fail ended', 'name')).toEqual(['d']);
    expect(order('nothing', 'name')).toEqual([]);
  });
});
