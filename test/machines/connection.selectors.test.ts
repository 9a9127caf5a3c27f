import { describe, expect, it } from 'vitest';
import { CONNECTION_STATES, selectRetryInMs, selectSending, selectState } from '../../machines/index.ts';
import { at, leaves, live } from '../support/chart.ts';

// prettier-ignore
const answers = [
  // node                            public state       a message
  ['idle',                           'idle',            'queues'],
  ['connecting',                     'connecting',      'queues'],
  ['authenticating',                 'authenticating',  'queues'],
  ['open.healthy',                   'open',            'writes'],
  ['open.probing',                   'open',            'writes'],
  ['closing.leaving',                'closing',         'refuses'],
  ['closing.returning',              'closing',         'queues'],
  ['deciding',                       'reconnecting',    'queues'],
  ['reconnecting.backingOff',        'reconnecting',    'queues'],
  ['reconnecting.waitingForNetwork', 'reconnecting',    'queues'],
  ['failed',                         'failed',          'refuses'],
  ['closed',                         'closed',          'refuses'],
] as const;

describe('the public answers', () => {
  it.each(answers)('%s is %s to the outside, and a send there %s', (node, state, sending) => {
    expect({ state: selectState(at(node)), sending: selectSending(at(node)) }).toEqual({ state, sending });
  });

  it('are known for every node of the chart', () => {
    expect(answers.map(([node]) => node)).toEqual(leaves);
  });

  it('use all eight words, in the order of a life', () => {
    expect([...new Set(answers.map(([, state]) => state))]).toEqual(CONNECTION_STATES);
  });
});

describe('a machine that crashed', () => {
  it('is failed, wherever it was', () => {
    for (const node of leaves) expect(selectState({ ...at(node), status: 'error' } as never)).toBe('failed');
  });
});

describe('the wait before the next attempt', () => {
  it('is told while it runs', () => {
    expect(selectRetryInMs(live('connect', 'socket.closed', 'verdict.retry'))).toBe(75);
  });

  it('is unknown everywhere else, even where the last one is still remembered', () => {
    const elsewhere = leaves.filter((node) => node !== 'reconnecting.backingOff');

    for (const node of elsewhere) expect(selectRetryInMs(at(node, { retryInMs: 75 }))).toBeNull();
  });
});
