// The promises of connect() and disconnect(): each is settled once, by the first thing that decides on it.
import { describe, expect, test } from 'vitest';
import { ConnectionError } from '../src/index.ts';
import { Waiters } from '../src/waiters.ts';
import { rejectionOf, watch } from './support/connected.ts';

const failure = new ConnectionError('LINK_LOST');
const settled = () => Promise.resolve().then(() => undefined);

describe('who waits for the connection to be open', () => {
  test('is resolved with the welcome', async () => {
    const waiters = new Waiters<string>();
    const [first, second] = [waiters.untilOpen().promise, waiters.untilOpen().promise];
    waiters.opened('welcome');

    expect(await Promise.all([first, second])).toEqual(['welcome', 'welcome']);
    expect(waiters.areOpening).toBe(false);
  });

  test('is rejected with the failure', async () => {
    const waiters = new Waiters<string>();
    const { promise } = waiters.untilOpen();
    waiters.failed(failure);

    expect(await rejectionOf(promise)).toBe(failure);
  });

  test.each(['closing', 'closed'] as const)('is rejected when the connection is %s', async (state) => {
    const waiters = new Waiters<string>();
    const { promise } = waiters.untilOpen();
    waiters[state]();

    expect(await rejectionOf(promise)).toMatchObject({ code: 'DISCONNECTED' });
  });

  test('may give up, which leaves the others', async () => {
    const waiters = new Waiters<string>();
    const [impatient, patient] = [waiters.untilOpen(), waiters.untilOpen()];
    impatient.giveUp('enough');
    expect(waiters.areOpening).toBe(true);
    waiters.opened('welcome');
    impatient.giveUp('again');

    expect([await rejectionOf(impatient.promise), await patient.promise]).toEqual(['enough', 'welcome']);
  });

  test('is not settled by what was before', async () => {
    const waiters = new Waiters<string>();
    waiters.opened('old');
    waiters.failed(failure);
    const waiting = watch(waiters.untilOpen().promise);
    await settled();

    expect(waiting.outcome).toBe('pending');
  });
});

describe('who waits for the connection to have ended', () => {
  test.each([
    ['it is closed', (waiters: Waiters<string>) => waiters.closed()],
    ['it has failed', (waiters: Waiters<string>) => waiters.failed(failure)],
    ['it is open again', (waiters: Waiters<string>) => waiters.opened('welcome')],
    ['it is on its way again', (waiters: Waiters<string>) => waiters.ended()],
  ])('is resolved when %s', async (_, act) => {
    const waiters = new Waiters<string>();
    const ending = [waiters.untilEnded(), waiters.untilEnded()];
    act(waiters);

    expect(await Promise.all(ending)).toEqual([undefined, undefined]);
  });

  test('waits on while it is closing', async () => {
    const waiters = new Waiters<string>();
    const waiting = watch(waiters.untilEnded());
    waiters.closing();
    await settled();

    expect(waiting.outcome).toBe('pending');
  });
});
