// One consumer's messages: order, bounds, and every way in which an iteration ends.
import { describe, expect, test } from 'vitest';
import { MessageStream, type StreamOptions } from '../src/message-stream.ts';
import { rejectionOf } from './support/connected.ts';

function made(options: StreamOptions = {}, canPause = true) {
  const calls: string[] = [];
  const stream = new MessageStream<number>(
    {
      canPause,
      slowDown: () => calls.push('slowDown'),
      speedUp: () => calls.push('speedUp'),
      release: () => calls.push('release'),
    },
    options,
  );
  return { stream, calls };
}

const done = { done: true, value: undefined };
const item = (value: number) => ({ done: false, value });

describe('messages', () => {
  test('that came before they were asked for are read in order', async () => {
    const { stream } = made();
    stream.push(1);
    stream.push(2);

    expect([await stream.next(), await stream.next()]).toEqual([item(1), item(2)]);
  });

  test('that are asked for before they come go to who asked first', async () => {
    const { stream } = made();
    const asked = [stream.next(), stream.next()];
    stream.push(1);
    stream.push(2);

    expect(await Promise.all(asked)).toEqual([item(1), item(2)]);
  });

  test('are read by `for await` until the end', async () => {
    const { stream } = made();
    for (const value of [1, 2, 3]) stream.push(value);
    stream.end();
    const read: number[] = [];
    for await (const value of stream) read.push(value);

    expect(read).toEqual([1, 2, 3]);
  });
});

describe('the end', () => {
  test('comes after what waits, and lasts', async () => {
    const { stream } = made();
    stream.push(1);
    stream.end();
    stream.push(2);

    expect([await stream.next(), await stream.next(), await stream.next()]).toEqual([item(1), done, done]);
  });

  test('is told to everyone who asked', async () => {
    const { stream } = made();
    const asked = [stream.next(), stream.next()];
    stream.end();

    expect(await Promise.all(asked)).toEqual([done, done]);
  });

  test('by a failure is thrown once, after what waits', async () => {
    const { stream } = made();
    stream.push(1);
    stream.fail(new Error('lost'));

    expect(await stream.next()).toEqual(item(1));
    await expect(stream.next()).rejects.toThrow('lost');
    expect(await stream.next()).toEqual(done);
  });

  test('by a failure is thrown to the first who asked', async () => {
    const { stream } = made();
    const [first, second] = [rejectionOf(stream.next()), stream.next()];
    stream.fail('lost');

    expect([await first, await second, await stream.next()]).toEqual(['lost', done, done]);
  });

  test('by `break` releases what waits', async () => {
    const { stream, calls } = made();
    stream.push(1);
    stream.push(2);
    for await (const value of stream) if (value === 1) break;

    expect([calls, await stream.next()]).toEqual([['speedUp', 'speedUp', 'release'], done]);
  });

  test('by return() ends a next() that is pending', async () => {
    const { stream } = made();
    const asked = stream.next();

    expect(await stream.return()).toEqual(done);
    expect(await asked).toEqual(done);
  });

  test('comes but once', async () => {
    const { stream, calls } = made();
    stream.end();
    stream.fail('later');
    stream.end();

    expect(await stream.next()).toEqual(done);
    expect(calls.filter((call) => call === 'release')).toHaveLength(1);
  });
});

describe('the signal', () => {
  test('that was aborted before ends the iteration with its reason', async () => {
    const { stream } = made({ signal: AbortSignal.abort('no') });

    expect(stream.hasEnded).toBe(true);
    expect(await rejectionOf(stream.next())).toBe('no');
  });

  test('ends a next() that is pending', async () => {
    const abort = new AbortController();
    const { stream } = made({ signal: abort.signal });
    const asked = rejectionOf(stream.next());
    abort.abort('enough');

    expect(await asked).toBe('enough');
  });

  test('is not listened to any more after the end', () => {
    const { signal } = new AbortController();
    let listeners = 0;
    const counted = Object.assign(signal, {
      addEventListener: () => (listeners += 1),
      removeEventListener: () => (listeners -= 1),
    });
    const { stream } = made({ signal: counted });
    expect(listeners).toBe(1);
    stream.end();

    expect(listeners).toBe(0);
  });
});

describe('a consumer that is too slow', () => {
  test('has the server slowed down at the limit, and sped up at half of it', async () => {
    const { stream, calls } = made({ maxBuffered: 4 });
    for (const value of [1, 2, 3]) stream.push(value);
    expect(calls).toEqual([]);
    stream.push(4);
    expect(calls).toEqual(['slowDown']);
    await stream.next();
    expect(calls).toEqual(['slowDown']);
    await stream.next();

    expect(calls).toEqual(['slowDown', 'speedUp']);
  });

  test('still gets what had been read from the socket already', async () => {
    const { stream } = made({ maxBuffered: 2 });
    for (const value of [1, 2, 3, 4]) stream.push(value);

    expect([await stream.next(), await stream.next(), await stream.next(), await stream.next()]).toEqual(
      [1, 2, 3, 4].map(item),
    );
  });

  test('ends with CONSUMER_TOO_SLOW where the server cannot be slowed down', async () => {
    const { stream } = made({ maxBuffered: 2 }, false);
    for (const value of [1, 2]) stream.push(value);
    expect(stream.hasEnded).toBe(false);
    for (const value of [3, 4]) stream.push(value);
    const read: number[] = [];
    const reading = (async () => {
      for await (const value of stream) read.push(value);
    })();

    expect(await rejectionOf(reading)).toMatchObject({
      code: 'CONSUMER_TOO_SLOW',
      details: { maxMessages: 2 },
    });
    expect(read).toEqual([1, 2, 3]);
    expect(await stream.next()).toEqual(done);
  });
});

describe('maxBuffered', () => {
  test.each([Number.NaN, 0, -1, 1.5, '10'])('of %s is refused', (maxBuffered) => {
    expect(() => made({ maxBuffered: maxBuffered as number })).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION' }),
    );
  });
});
