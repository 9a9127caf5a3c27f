// What the page keeps, and the moment that it looks at.
import { beforeEach, describe, expect, it } from 'vitest';
import { connectionMachine } from '../../../machines/index.ts';
import { recordingLink } from '../../../visualizations/live/page/recording-link.ts';
import { MAX_ENTRIES, MAX_SAMPLES, Store } from '../../../visualizations/live/page/store.ts';
import type { Entry, Row } from '../../../visualizations/live/protocol.ts';
import { entryOf, viewOf } from './machine.ts';

const machine = viewOf(connectionMachine);
const row: Row = {
  id: 'one',
  name: 'one',
  machine: 'connection',
  application: 'shop',
  state: 'idle',
  status: 'live',
  since: 0,
  lastEvent: '',
  events: 0,
};
const entries = (from: number, to: number): Entry[] =>
  Array.from({ length: to - from }, (_, place) =>
    entryOf({ index: from + place, at: from + place, event: { type: 'tick' }, value: 'idle' }),
  );

let store: Store;
let changes: number;

beforeEach(() => {
  changes = 0;
  store = new Store(() => (changes += 1));
  store.hear({ type: 'rows', rows: [row] });
  store.watch('one');
  store.hear({ type: 'history', id: 'one', machine, dropped: 0, entries: entries(0, 10), samples: [] });
});

it('keeps the last entries only, and counts those before', () => {
  for (let from = 10; from < 10_000; from += 90)
    store.hear({ type: 'entries', id: 'one', entries: entries(from, from + 90) });

  expect(store.watched?.entries).toHaveLength(MAX_ENTRIES);
  expect(store.earlier).toBe(10_000 - MAX_ENTRIES);
  expect(store.moment?.entry.index).toBe(9_999);
});

it('keeps the last samples only', () => {
  for (let at = 0; at < MAX_SAMPLES + 5; at += 1)
    store.hear({ type: 'samples', id: 'one', samples: [{ at } as never] });

  expect(store.watched?.samples).toHaveLength(MAX_SAMPLES);
  expect(store.sample?.at).toBe(MAX_SAMPLES + 4);
});

describe('looking back', () => {
  it('stays at the moment while new events come, and counts them', () => {
    store.step(-2);
    store.hear({ type: 'entries', id: 'one', entries: entries(10, 13) });

    expect(store.moment?.entry.index).toBe(7);
    expect(store.moment?.before?.index).toBe(6);
    expect([store.isLive, store.newer]).toEqual([false, 3]);
  });

  it('stays at a moment that is not kept any more', () => {
    store.select(3);
    store.hear({ type: 'entries', id: 'one', entries: entries(10, 10 + MAX_ENTRIES) });

    expect(store.moment?.entry.index).toBe(3);
    store.step(1);
    expect(store.moment?.entry.index).toBe(10);
  });

  it('goes no further than the first and the last entry', () => {
    store.select(-5);
    expect(store.moment).toEqual({ entry: entries(0, 1)[0], before: undefined });
    store.select(Infinity);
    expect(store.moment?.entry.index).toBe(9);
  });

  it('ends with a word, and with another row', () => {
    store.select(3);
    store.goLive();
    expect([store.isLive, store.newer, store.moment?.entry.index]).toEqual([true, 0, 9]);
    store.select(3);
    store.watch('other');
    expect([store.isLive, store.moment]).toEqual([true, undefined]);
  });
});

it('takes no entry twice, and none of another row', () => {
  store.hear({ type: 'entries', id: 'one', entries: entries(8, 12) });
  store.hear({ type: 'entries', id: 'other', entries: entries(12, 20) });

  expect(store.watched?.entries.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
});

it('keeps the chart when the same one is told again', () => {
  const before = store.watched?.machine;
  store.hear({
    type: 'history',
    id: 'one',
    machine: structuredClone(machine),
    dropped: 0,
    entries: [],
    samples: [],
  });

  expect(store.watched?.machine).toBe(before);
});

it('takes every row for ended when the server is met again, until it is told of it', () => {
  store.hear({ type: 'rows', rows: [{ ...row, id: 'two' }] });
  store.hear({ type: 'hello', version: '1', now: Date.now() + 60_000 });
  store.hear({ type: 'rows', rows: [row] });

  expect([...store.rows.values()].map(({ id, status }) => [id, status])).toEqual([
    ['one', 'live'],
    ['two', 'ended'],
  ]);
  expect(store.now).toBeGreaterThan(Date.now() + 50_000);
});

describe('a recording', () => {
  const refusal = () => {
    const { href, title, role, ...others } = recordingLink(store.watchedRow ?? row, store);
    expect([href, role, others]).toEqual([undefined, 'link', { 'aria-disabled': 'true', tabindex: 0 }]);
    return title;
  };

  beforeEach(() => {
    store.setLink('up');
    store.hear({ type: 'hello', version: '1', now: Date.now() });
    store.hear({ type: 'rows', rows: [{ ...row, events: 2 }] });
  });

  it('can be saved of a row that the server knows', () => {
    expect(recordingLink(store.watchedRow ?? row, store)).toEqual({
      href: '/recordings/one.json',
      title: 'The last 2 events as JSON: attach it to a bug report, or look at it with statewire replay',
      role: undefined,
      'aria-disabled': undefined,
      tabindex: undefined,
    });
  });

  it('cannot be saved of a row that only a former server knew', () => {
    store.hear({ type: 'hello', version: '1', now: Date.now() });
    store.hear({ type: 'rows', rows: [{ ...row, id: 'two' }] });

    expect(refusal()).toBe('The server does not keep this connection any more, so there is nothing to save.');
  });

  it('cannot be saved of a row that the server has forgotten', () => {
    store.hear({ type: 'gone', ids: ['one'] });

    expect(refusal()).toBe('The server does not keep this connection any more, so there is nothing to save.');
  });

  it('cannot be saved while the server is away', () => {
    store.setLink('lost');

    expect(refusal()).toBe('The server of this page makes the recording, and it is gone.');
  });

  it('cannot be saved before the first event', () => {
    store.hear({ type: 'rows', rows: [{ ...row, events: 0 }] });

    expect(refusal()).toBe('Nothing has happened yet, so there is nothing to save.');
  });
});

it('is at the end with the last entry of a row that has ended, and nowhere else', () => {
  const ends: boolean[] = [];
  ends.push(store.isAtEnd);
  store.hear({ type: 'rows', rows: [{ ...row, status: 'ended' }] });
  ends.push(store.isAtEnd);
  store.select(3);
  ends.push(store.isAtEnd);
  store.select(9);
  ends.push(store.isAtEnd);

  expect(ends).toEqual([false, true, false, true]);
});

it('keeps showing a row that the server has forgotten', () => {
  store.hear({ type: 'gone', ids: ['one'] });

  expect(store.rows.size).toBe(0);
  expect(store.watchedRow).toEqual(row);
  expect(store.watched?.entries).toHaveLength(10);
  expect(changes).toBeGreaterThan(0);
});
