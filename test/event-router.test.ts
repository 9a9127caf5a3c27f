// The dispatch by name and by pattern, without a connection.
import { describe, expect, it, vi } from 'vitest';
import { EventRouter, matcherOf } from '../src/event-router.ts';

const routerOf = () => {
  const failures: [name: string, thrown: unknown][] = [];
  const router = new EventRouter<number>((name, thrown) => failures.push([name, thrown]));
  return { router, failures };
};

describe('patterns (S0-38)', () => {
  const names = [
    'call',
    'call.',
    'call.created',
    'call.member.added',
    'caller.left',
    'custom',
    '',
    '*',
    '__proto__',
  ];

  it.each([
    ['*', names],
    ['**', names],
    ['call', ['call']],
    ['call.*', ['call.created']],
    ['call.**', ['call.created', 'call.member.added']],
    ['call.member.*', ['call.member.added']],
    ['*.created', []],
    ['c*', []],
    ['__proto__', ['__proto__']],
    ['', ['']],
  ])('matches with %j exactly what it says', (pattern, expected) => {
    const matches = matcherOf(pattern);

    expect(names.filter(matches)).toEqual(expected);
  });

  it('decides on a long name without backtracking', () => {
    const name = `a${'.a'.repeat(1_000_000)}`;

    expect([matcherOf('a.*')(name), matcherOf('a.**')(name)]).toEqual([false, true]);
  });
});

describe('dispatch (S0-24)', () => {
  it('calls the listeners of the name in their order, then those of patterns in theirs', () => {
    const { router } = routerOf();
    const heard: string[] = [];
    router.on('*', () => heard.push('*'));
    router.on('a.b', () => heard.push('first'));
    router.on('a.*', () => heard.push('a.*'));
    router.on('a.b', () => heard.push('second'));

    router.emit('a.b', 1);

    expect(heard).toEqual(['first', 'second', '*', 'a.*']);
  });

  it('hands on the message itself', () => {
    const router = new EventRouter<object>(() => undefined);
    const heard: object[] = [];
    const message = { type: 'a' };
    router.on('a', (event) => heard.push(event));

    router.emit('a', message);

    expect(heard[0]).toBe(message);
  });

  it('treats names that mean something elsewhere as names', () => {
    const { router, failures } = routerOf();
    const heard: number[] = [];
    const names = ['error', '__proto__', 'constructor', 'hasOwnProperty', 'toString', '', '*'];
    for (const [index, name] of names.entries()) {
      router.emit(name, index);
      router.on(name, (message) => heard.push(message));
      router.emit(name, index);
    }

    expect({ heard, failures }).toEqual({ heard: [0, 1, 2, 3, 4, 5, 6], failures: [] });
  });

  it.each(['a', '*'])(
    'forgets a listener of %j by the function that was returned, by off(), and after once()',
    (at) => {
      const { router } = routerOf();
      const [returned, taken, once, onceTaken] = [vi.fn(), vi.fn(), vi.fn(), vi.fn()];
      const forget = router.on(at, returned);
      router.on(at, taken);
      router.once(at, once);
      router.once(at, onceTaken);
      router.off(at, onceTaken);
      router.emit('a', 1);
      forget();
      forget();
      router.off(at, taken);
      router.off(at, taken);
      router.off('never', taken);
      router.emit('a', 2);

      const calls = [returned, taken, once, onceTaken].map((listener) => listener.mock.calls);
      expect(calls).toEqual([[[1]], [[1]], [[1]], []]);
    },
  );

  it('calls a listener as often as it was added', () => {
    const { router } = routerOf();
    const listener = vi.fn();
    router.on('a', listener);
    router.on('a', listener);
    router.off('a', listener);

    router.emit('a', 1);

    expect(listener.mock.calls).toEqual([[1]]);
  });

  it('finishes a dispatch with the listeners that it began with', () => {
    const { router } = routerOf();
    const heard: string[] = [];
    const late = () => heard.push('late');
    const second = () => heard.push('second');
    const forgetSecond = router.on('a', second);
    router.off('a', second);
    router.on('a', () => {
      heard.push('first');
      forgetSecond();
      router.on('a', late);
      router.on('*', late);
    });
    router.on('a', second);

    router.emit('a', 1);

    expect(heard).toEqual(['first', 'second']);
  });

  it('calls a listener of once() once, even when it emits the same name itself', () => {
    const { router } = routerOf();
    const heard: number[] = [];
    router.on('a', (depth) => {
      if (depth === 0) router.emit('a', 1);
    });
    router.once('a', (depth) => heard.push(depth));

    router.emit('a', 0);

    expect(heard).toEqual([1]);
  });
});

describe('isolation (S0-39)', () => {
  it('reports what a listener throws, and calls the others', () => {
    const { router, failures } = routerOf();
    const thrown = new Error('mine');
    const other = vi.fn();
    router.on('a.b', () => {
      throw thrown;
    });
    router.on('a.*', () => {
      // eslint-disable-next-line @typescript-eslint/only-throw-error -- users do
      throw undefined;
    });
    router.on('a.b', other);

    router.emit('a.b', 1);

    expect(failures).toEqual([
      ['a.b', thrown],
      ['a.b', undefined],
    ]);
    expect(other.mock.calls).toEqual([[1]]);
  });

  it('reports what an asynchronous listener rejects with', async () => {
    const { router, failures } = routerOf();
    const thrown = new Error('mine');
    router.on('a', () => Promise.reject(thrown));

    router.emit('a', 1);
    await vi.waitUntil(() => failures.length > 0);

    expect(failures).toEqual([['a', thrown]]);
  });
});
