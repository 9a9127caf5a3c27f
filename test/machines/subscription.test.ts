// The life of a subscription as a table: one row per arrow of the chart, and what has no row does not happen.
import { createActor, fromCallback, initialTransition, transition } from 'xstate';
import { describe, expect, it } from 'vitest';
import {
  isSubscriptionConfirmed,
  selectSubscriptionState,
  SUBSCRIPTION_STATES,
  subscriptionMachine,
  type SubscriptionEvent,
  type SubscriptionSnapshot,
} from '../../machines/index.ts';
import { toGraph } from '../../visualizations/graph.ts';

const limits = { acknowledgementMs: 100, retryDelayMs: 200 };
const refused = { code: 'SUBSCRIPTION_REFUSED', cure: 'stop', details: { channel: 'room' } } as const;
const exhausted = { code: 'RETRIES_EXHAUSTED', cure: 'stop', details: { attempts: 3 } } as const;

const events = {
  subscribe: { type: 'subscribe' },
  unsubscribe: { type: 'unsubscribe' },
  'link.ready': { type: 'link.ready' },
  'link.lost': { type: 'link.lost' },
  'link.ended': { type: 'link.ended' },
  'link.failed': { type: 'link.failed', failure: exhausted },
  'reply.subscribed': { type: 'reply.subscribed' },
  'reply.unsubscribed': { type: 'reply.unsubscribed' },
  'reply.postponed': { type: 'reply.postponed' },
  'reply.refused': { type: 'reply.refused', failure: refused },
} as const;

type Said = keyof typeof events | 'after acknowledgement' | 'after retryDelay';

const graph = toGraph(subscriptionMachine);

function hear(from: SubscriptionSnapshot, said: Said): SubscriptionSnapshot {
  if (said in events) return transition(subscriptionMachine, from, events[said as keyof typeof events])[0];
  const arrow = graph.edges.find(
    ({ label, source }) => label === said && `subscription.${dotted(from.value)}`.startsWith(source),
  );
  return transition(subscriptionMachine, from, {
    type: arrow?.event ?? said,
  } as unknown as SubscriptionEvent)[0];
}

const dotted = (value: SubscriptionSnapshot['value']): string =>
  typeof value === 'string' ? value : Object.entries(value).flat().join('.');

const after = (...said: readonly Said[]): SubscriptionSnapshot => {
  const [start] = initialTransition(subscriptionMachine, { limits });
  return said.reduce(hear, start);
};

const starts = {
  'subscribing.waiting': after(),
  'subscribing.asking': after('link.ready'),
  'subscribing.postponed': after('link.ready', 'reply.postponed'),
  'subscribed.confirmed': after('link.ready', 'reply.subscribed'),
  'subscribed.assumed': after('link.ready', 'after acknowledgement'),
  unsubscribing: after('link.ready', 'reply.subscribed', 'unsubscribe'),
  'failed.refused': after('link.ready', 'reply.refused'),
  'failed.cutOff': after('link.failed'),
  ended: after('unsubscribe'),
} as const;

type Start = keyof typeof starts;

const table: readonly (readonly [Start, Said, Start])[] = [
  ['subscribing.waiting', 'link.ready', 'subscribing.asking'],
  ['subscribing.waiting', 'link.lost', 'subscribing.waiting'],
  ['subscribing.waiting', 'link.failed', 'failed.cutOff'],
  ['subscribing.waiting', 'link.ended', 'ended'],
  ['subscribing.waiting', 'unsubscribe', 'ended'],

  ['subscribing.asking', 'reply.subscribed', 'subscribed.confirmed'],
  ['subscribing.asking', 'reply.refused', 'failed.refused'],
  ['subscribing.asking', 'reply.postponed', 'subscribing.postponed'],
  ['subscribing.asking', 'after acknowledgement', 'subscribed.assumed'],
  ['subscribing.asking', 'unsubscribe', 'unsubscribing'],
  ['subscribing.asking', 'link.lost', 'subscribing.waiting'],
  ['subscribing.asking', 'link.failed', 'failed.cutOff'],
  ['subscribing.asking', 'link.ended', 'ended'],

  ['subscribing.postponed', 'after retryDelay', 'subscribing.asking'],
  ['subscribing.postponed', 'unsubscribe', 'ended'],
  ['subscribing.postponed', 'link.lost', 'subscribing.waiting'],
  ['subscribing.postponed', 'link.failed', 'failed.cutOff'],
  ['subscribing.postponed', 'link.ended', 'ended'],

  ['subscribed.confirmed', 'link.lost', 'subscribing.waiting'],
  ['subscribed.confirmed', 'link.failed', 'failed.cutOff'],
  ['subscribed.confirmed', 'link.ended', 'ended'],
  ['subscribed.confirmed', 'reply.refused', 'failed.refused'],
  ['subscribed.confirmed', 'reply.postponed', 'subscribing.postponed'],
  ['subscribed.confirmed', 'unsubscribe', 'unsubscribing'],

  ['subscribed.assumed', 'reply.subscribed', 'subscribed.confirmed'],
  ['subscribed.assumed', 'link.lost', 'subscribing.waiting'],
  ['subscribed.assumed', 'link.failed', 'failed.cutOff'],
  ['subscribed.assumed', 'link.ended', 'ended'],
  ['subscribed.assumed', 'reply.refused', 'failed.refused'],
  ['subscribed.assumed', 'reply.postponed', 'subscribing.postponed'],
  ['subscribed.assumed', 'unsubscribe', 'unsubscribing'],

  ['unsubscribing', 'reply.unsubscribed', 'ended'],
  ['unsubscribing', 'reply.refused', 'ended'],
  ['unsubscribing', 'link.lost', 'ended'],
  ['unsubscribing', 'link.failed', 'ended'],
  ['unsubscribing', 'link.ended', 'ended'],
  ['unsubscribing', 'after acknowledgement', 'ended'],
  ['unsubscribing', 'subscribe', 'subscribing.waiting'],

  ['failed.refused', 'subscribe', 'subscribing.waiting'],
  ['failed.refused', 'unsubscribe', 'ended'],
  ['failed.refused', 'link.ended', 'ended'],

  ['failed.cutOff', 'link.ready', 'subscribing.asking'],
  ['failed.cutOff', 'subscribe', 'subscribing.waiting'],
  ['failed.cutOff', 'unsubscribe', 'ended'],
  ['failed.cutOff', 'link.ended', 'ended'],
];

const said: readonly Said[] = [
  ...(Object.keys(events) as Said[]),
  'after acknowledgement',
  'after retryDelay',
];

describe('a subscription', () => {
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
        .map((start) => `subscription.${start}`)
        .toSorted(),
    );
  });

  it('is in one of five public states', () => {
    const states = Object.values(starts).map(selectSubscriptionState);
    expect([...new Set(states)].toSorted()).toEqual([...SUBSCRIPTION_STATES].toSorted());
  });

  it('is confirmed only by the word of the server', () => {
    const confirmed = Object.entries(starts).filter(([, snapshot]) => isSubscriptionConfirmed(snapshot));
    expect(confirmed.map(([name]) => name)).toEqual(['subscribed.confirmed']);
  });

  it('knows why it failed, and forgets it when it is asked for again', () => {
    expect(starts['failed.refused'].context.failure).toEqual(refused);
    expect(starts['failed.cutOff'].context.failure).toEqual(exhausted);
    expect(hear(starts['failed.refused'], 'subscribe').context.failure).toBeNull();
    expect(hear(starts['failed.cutOff'], 'link.ready').context.failure).toBeNull();
  });

  it('waits for an answer and before it asks again as long as its limits say', () => {
    const started: [string, number | undefined][] = [];
    const clock = {
      setTimeout: (_: () => void, delayMs: number) => started.push(['timer', delayMs]),
      clearTimeout: () => undefined,
    };
    const silent = fromCallback(() => undefined);
    const machine = subscriptionMachine.provide({ actors: { ask: silent, leave: silent } });
    const actor = createActor(machine, { input: { limits }, clock });
    actor.start();
    actor.send(events['link.ready']);
    actor.send(events['reply.postponed']);
    expect(started.map(([, delayMs]) => delayMs)).toEqual([100, 200]);
    actor.stop();
  });

  it.each(['ask', 'leave'] as const)('names the actor "%s" when nobody has provided it', (name) => {
    const other = name === 'ask' ? 'leave' : 'ask';
    const machine = subscriptionMachine.provide({
      actors: { [other]: fromCallback(() => undefined) },
    });
    const actor = createActor(machine, { input: { limits } });
    const errors: unknown[] = [];
    actor.subscribe({ error: (error) => errors.push(error) });
    actor.start();
    actor.send(events['link.ready']);
    if (name === 'leave') actor.send(events.unsubscribe);
    expect(String(errors[0])).toContain(`The actor "${name}" was not provided`);
  });
});
