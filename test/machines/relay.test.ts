// The life of an answer as a table: one row per arrow of the chart, and what has no row does not happen.
import { createActor, fromCallback, initialTransition, transition } from 'xstate';
import { describe, expect, it } from 'vitest';
import {
  RELAY_STATES,
  relayMachine,
  selectRelayState,
  type RelayEvent,
  type RelaySnapshot,
} from '../../machines/index.ts';
import { toGraph } from '../../visualizations/graph.ts';

const limits = { firstEventMs: 100, silenceMs: 200, overallMs: 300 };
const cancelled = { code: 'ANSWER_CANCELLED', cure: 'stop', details: { cause: 'enough' } } as const;
const failed = { code: 'ASSISTANT_FAILED', cure: 'stop', details: { cause: 'no model' } } as const;
const refused = { code: 'ASSISTANT_FAILED', cure: 'stop', details: { cause: 'too large' } } as const;

const events = {
  cancel: { type: 'cancel', failure: cancelled },
  'run.answered': { type: 'run.answered' },
  'run.calledTools': { type: 'run.calledTools' },
  'run.ended': { type: 'run.ended' },
  'run.silent': { type: 'run.silent' },
  'run.failed': { type: 'run.failed', failure: failed },
  'tools.done': { type: 'tools.done' },
  'end.settled': { type: 'end.settled' },
  'end.refused': { type: 'end.refused', failure: refused },
} as const;

type Said = keyof typeof events | 'after firstEventTimeout' | 'after overallTimeout';

const graph = toGraph(relayMachine);

const dotted = (value: unknown): string =>
  typeof value === 'string'
    ? value
    : Object.entries(value as object)
        .map(([key, inner]) => `${key}.${dotted(inner)}`)
        .join();

function hear(from: RelaySnapshot, said: Said): RelaySnapshot {
  if (said in events) return transition(relayMachine, from, events[said as keyof typeof events])[0];
  const arrow = graph.edges.find(
    ({ label, source }) => label === said && `relay.${dotted(from.value)}`.startsWith(source),
  );
  return transition(relayMachine, from, { type: arrow?.event ?? said } as unknown as RelayEvent)[0];
}

const after = (...said: readonly Said[]): RelaySnapshot => {
  const [start] = initialTransition(relayMachine, { limits });
  return said.reduce(hear, start);
};

const starts = {
  'running.reading.waiting': after(),
  'running.reading.hearing': after('run.answered'),
  'running.executing': after('run.answered', 'run.calledTools'),
  completing: after('run.answered', 'run.ended'),
  failing: after('run.failed'),
  completed: after('run.ended', 'end.settled'),
  failed: after('run.failed', 'end.settled'),
} as const;

type Start = keyof typeof starts;

const table: readonly (readonly [Start, Said, Start])[] = [
  ['running.reading.waiting', 'run.answered', 'running.reading.hearing'],
  ['running.reading.waiting', 'run.calledTools', 'running.executing'],
  ['running.reading.waiting', 'run.ended', 'completing'],
  ['running.reading.waiting', 'run.failed', 'failing'],
  ['running.reading.waiting', 'cancel', 'failing'],
  ['running.reading.waiting', 'after firstEventTimeout', 'failing'],
  ['running.reading.waiting', 'after overallTimeout', 'failing'],

  ['running.reading.hearing', 'run.calledTools', 'running.executing'],
  ['running.reading.hearing', 'run.ended', 'completing'],
  ['running.reading.hearing', 'run.failed', 'failing'],
  ['running.reading.hearing', 'run.silent', 'failing'],
  ['running.reading.hearing', 'cancel', 'failing'],
  ['running.reading.hearing', 'after overallTimeout', 'failing'],

  ['running.executing', 'tools.done', 'running.reading.hearing'],
  ['running.executing', 'cancel', 'failing'],
  ['running.executing', 'after overallTimeout', 'failing'],

  ['completing', 'end.settled', 'completed'],
  ['completing', 'end.refused', 'failing'],

  ['failing', 'end.settled', 'failed'],
  ['failing', 'end.refused', 'failed'],
];

const said: readonly Said[] = [
  ...(Object.keys(events) as Said[]),
  'after firstEventTimeout',
  'after overallTimeout',
];

describe('an answer', () => {
  it.each(table)('in %s, %s leads to %s', (from, event, to) => {
    expect(dotted(hear(starts[from], event).value)).toBe(to);
  });

  it.each(Object.keys(starts) as Start[])('in %s, nothing else happens', (from) => {
    const known = table.filter(([start]) => start === from).map(([, event]) => event);
    const moved = said
      .filter((event) => !known.includes(event))
      .filter((event) => dotted(hear(starts[from], event).value) !== from);
    expect(moved).toEqual([]);
  });

  it('has a start in the table for each of its states', () => {
    const leaves = graph.states.filter(({ initial }) => initial === null).map(({ id }) => id);
    expect(leaves.toSorted()).toEqual(
      Object.keys(starts)
        .map((start) => `relay.${start}`)
        .toSorted(),
    );
  });

  it('is in one of seven public states', () => {
    expect(Object.values(starts).map(selectRelayState)).toEqual([...RELAY_STATES]);
  });

  it.each([
    [starts.failing, failed],
    [after('cancel'), cancelled],
    [after('run.ended', 'end.refused'), refused],
    [after('after firstEventTimeout'), timeout('first event', 100)],
    [after('run.answered', 'run.silent'), timeout('further event', 200)],
    [after('run.answered', 'after overallTimeout'), timeout('end', 300)],
  ])('knows why there is none: %#', (snapshot, failure) => {
    expect(snapshot.context.failure).toEqual(failure);
  });

  it('waits as long as its limits say', () => {
    const started: (number | undefined)[] = [];
    const clock = {
      setTimeout: (_: () => void, delayMs: number) => started.push(delayMs),
      clearTimeout: () => undefined,
    };
    const silent = fromCallback(() => undefined);
    const machine = relayMachine.provide({ actors: { reader: silent } });
    const actor = createActor(machine, { input: { limits }, clock });
    actor.start();
    expect(started.toSorted()).toEqual([100, 300]);
    actor.stop();
  });

  const names = {
    reader: [],
    watchdog: ['run.answered'],
    tools: ['run.calledTools'],
    completion: ['run.ended'],
    apology: ['run.failed'],
  } as const;

  it.each(Object.entries(names))('names the actor "%s" when nobody has provided it', (name, way) => {
    const others = Object.keys(names).filter((other) => other !== name);
    const silent = fromCallback(() => undefined);
    const machine = relayMachine.provide({
      actors: Object.fromEntries(others.map((other) => [other, silent])),
    });
    const actor = createActor(machine, { input: { limits } });
    const errors: unknown[] = [];
    actor.subscribe({ error: (error) => errors.push(error) });
    actor.start();
    for (const event of way) actor.send(events[event]);
    actor.stop();
    expect(String(errors[0])).toContain(`The actor "${name}" was not provided`);
  });
});

function timeout(missing: string, limitMs: number) {
  return { code: 'ASSISTANT_TIMEOUT', cure: 'stop', details: { missing, limitMs } };
}
