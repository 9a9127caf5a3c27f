// The life of a connection as a table: one row per arrow of the chart, and what has no row does not happen.
import { describe, expect, it } from 'vitest';
import {
  arrowsOf,
  arrowsOfChart,
  casesOf,
  outcomeOf,
  surprisesBeside,
  type Row,
} from '../support/transition-table.ts';
import { at, graph, say } from '../support/chart.ts';

// A row of an outer state counts in every inner state that has no row of its own for the event.
// The last column is the reason that the connection gives from then on; where it is empty, the reason stays.
// prettier-ignore
const table: readonly Row[] = [
  // from                            event                      to                                 because
  ['idle',                           'connect',                 'connecting',                      'CONNECT_CALLED'],
  ['idle',                           'disconnect',              'closed',                          'DISCONNECT_CALLED'],

  ['online',                         'socket.closed',           'deciding',                        'LINK_LOST'],
  ['online',                         'disconnect',              'closing.leaving',                 'DISCONNECT_CALLED'],

  ['connecting',                     'socket.opened',           'authenticating'],
  ['connecting',                     'after connectTimeout',    'deciding',                        'CONNECT_TIMEOUT'],
  ['connecting',                     'disconnect',              'closed',                          'DISCONNECT_CALLED'],

  ['authenticating',                 'handshake.accepted',      'open.healthy',                    'HANDSHAKE_ACCEPTED'],
  ['authenticating',                 'handshake.rejected',      'deciding',                        'CREDENTIALS_REJECTED'],
  ['authenticating',                 'after handshakeTimeout',  'deciding',                        'HANDSHAKE_TIMEOUT'],

  ['open',                           'after stable',            'stays'],
  ['open.healthy',                   'heartbeat.doubted',       'open.probing'],
  ['open.probing',                   'heartbeat.answered',      'open.healthy'],
  ['open.probing',                   'heartbeat.missed',        'deciding',                        'HEARTBEAT_TIMEOUT'],

  ['closing.leaving',                'socket.closed',           'closed'],
  ['closing.leaving',                'after closeTimeout',      'closed'],
  ['closing.leaving',                'disconnect',              'stays'],
  ['closing.leaving',                'connect',                 'closing.returning',               'CONNECT_CALLED'],
  ['closing.returning',              'socket.closed',           'connecting'],
  ['closing.returning',              'after closeTimeout',      'connecting'],
  ['closing.returning',              'disconnect',              'closing.leaving',                 'DISCONNECT_CALLED'],

  ['deciding',                       'verdict.retry',           'reconnecting.backingOff'],
  ['deciding',                       'verdict.waitForNetwork',  'reconnecting.waitingForNetwork'],
  ['deciding',                       'verdict.reauthenticate',  'connecting'],
  ['deciding',                       'verdict.stop',            'failed',                          'RETRIES_EXHAUSTED'],
  ['deciding',                       'disconnect',              'closed',                          'DISCONNECT_CALLED'],

  ['reconnecting',                   'connect',                 'connecting',                      'CONNECT_CALLED'],
  ['reconnecting',                   'network.returned',        'connecting',                      'NETWORK_RETURNED'],
  ['reconnecting',                   'page.returned',           'connecting',                      'PAGE_RETURNED'],
  ['reconnecting',                   'disconnect',              'closed',                          'DISCONNECT_CALLED'],
  ['reconnecting.backingOff',        'after backoff',           'connecting'],
  ['reconnecting.waitingForNetwork', 'after networkPatience',   'connecting'],

  ['failed',                         'connect',                 'connecting',                      'CONNECT_CALLED'],
  ['failed',                         'disconnect',              'closed',                          'DISCONNECT_CALLED'],

  ['closed',                         'connect',                 'connecting',                      'CONNECT_CALLED'],
];

describe('the life of a connection', () => {
  for (const { from, event, to, reason } of casesOf(table))
    it(`${from} + ${event} → ${to}`, () => {
      expect(outcomeOf({ from, event })).toEqual({ to, reason });
    });
});

describe('the table', () => {
  it('has one row for each arrow of the chart, and no other row', () => {
    expect(arrowsOf(table).toSorted()).toEqual(arrowsOfChart().toSorted());
  });

  it('leaves nothing out: in every state, every event without a row changes nothing', () => {
    expect(surprisesBeside(table)).toEqual([]);
  });

  it('needs no column for conditions: state and event alone decide where to go', () => {
    expect(graph.edges.filter(({ guard }) => guard !== null)).toEqual([]);
  });
});

describe('after stable, the one arrow that only changes what is remembered', () => {
  it('forgets the failed attempts, and nothing else', () => {
    const before = at('open.healthy', { attempt: 3, repeats: 2, sessions: 7, reason: 'HANDSHAKE_ACCEPTED' });

    const [after] = say(before, 'after stable');

    expect(after.context).toEqual({ ...before.context, attempt: 0, repeats: 0 });
  });
});
