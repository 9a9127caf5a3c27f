// Listeners: order, removal, and that none can hurt another.
import { describe, expect, test } from 'vitest';
import { Emitter } from '../src/emitter.ts';

type Events = {
  news: (text: string) => unknown;
  error: (error: Error) => unknown;
  __proto__: () => unknown;
  constructor: () => unknown;
  hasOwnProperty: () => unknown;
};

function made() {
  const reports: [string, unknown][] = [];
  const emitter = new Emitter<Events>({ listenerFailed: (event, thrown) => reports.push([event, thrown]) });
  const heard: string[] = [];
  const listener = (name: string) => (text: string) => void heard.push(`${name} ${text}`);
  return { emitter, reports, heard, listener };
}

describe('on()', () => {
  test('calls the listeners in the order of their adding, with what was emitted', () => {
    const { emitter, heard, listener } = made();
    emitter.on('news', listener('a'));
    emitter.on('news', listener('b'));

    emitter.emit('news', 'one');
    emitter.emit('news', 'two');

    expect(heard).toEqual(['a one', 'b one', 'a two', 'b two']);
  });

  test('returns the function that removes the listener', () => {
    const { emitter, heard, listener } = made();
    const off = emitter.on('news', listener('a'));
    emitter.on('news', listener('b'));

    off();
    emitter.emit('news', 'one');

    expect(heard).toEqual(['b one']);
  });

  test('removes one listener only, however often the function is called', () => {
    const { emitter, heard, listener } = made();
    const a = listener('a');
    const off = emitter.on('news', a);
    emitter.on('news', a);

    off();
    off();
    emitter.emit('news', 'one');

    expect(heard).toEqual(['a one']);
  });

  test.each(['error', '__proto__', 'constructor', 'hasOwnProperty'] as const)(
    'takes %s for a name like any',
    (name) => {
      const { emitter } = made();
      let calls = 0;
      expect(emitter.has(name)).toBe(false);
      expect(() => (emitter.emit as (name: string) => void).call(emitter, name)).not.toThrow();

      const off = emitter.on(name, () => (calls += 1));
      (emitter.emit as (name: string) => void).call(emitter, name);
      off();

      expect([calls, emitter.has(name)]).toEqual([1, false]);
    },
  );
});

describe('once()', () => {
  test('calls the listener for one event only', () => {
    const { emitter, heard, listener } = made();
    emitter.once('news', listener('a'));

    emitter.emit('news', 'one');
    emitter.emit('news', 'two');

    expect([heard, emitter.has('news')]).toEqual([['a one'], false]);
  });

  test('calls the listener once even where it emits the same event', () => {
    const { emitter, heard } = made();
    emitter.once('news', (text) => {
      heard.push(text);
      if (heard.length < 5) emitter.emit('news', 'again');
    });

    emitter.emit('news', 'one');

    expect(heard).toEqual(['one']);
  });

  test('returns the function that removes the listener', () => {
    const { emitter, heard, listener } = made();
    emitter.once('news', listener('a'))();

    emitter.emit('news', 'one');

    expect(heard).toEqual([]);
  });

  test('is taken back by off() with the same listener', () => {
    const { emitter, heard, listener } = made();
    const a = listener('a');
    emitter.once('news', a);

    emitter.off('news', a);
    emitter.emit('news', 'one');

    expect(heard).toEqual([]);
  });
});

describe('off()', () => {
  test('removes a listener, and ignores one that is none', () => {
    const { emitter, heard, listener } = made();
    const a = listener('a');
    emitter.on('news', a);

    emitter.off('news', listener('b'));
    emitter.off('error', a as never);
    emitter.off('news', a);
    emitter.off('news', a);
    emitter.emit('news', 'one');

    expect([heard, emitter.has('news')]).toEqual([[], false]);
  });
});

describe('during an event', () => {
  test('a listener that is added hears the next one first', () => {
    const { emitter, heard, listener } = made();
    emitter.once('news', () => emitter.on('news', listener('late')));

    emitter.emit('news', 'one');
    emitter.emit('news', 'two');

    expect(heard).toEqual(['late two']);
  });

  test('a listener that removes itself does not make another one miss it', () => {
    const { emitter, heard, listener } = made();
    const off: () => void = emitter.on('news', () => {
      off();
    });
    emitter.on('news', listener('b'));

    emitter.emit('news', 'one');

    expect(heard).toEqual(['b one']);
  });
});

describe('a listener that fails', () => {
  test.each([
    [
      'throws',
      () => {
        throw new Error('broken');
      },
    ],
    ['rejects', () => Promise.reject(new Error('broken'))],
    // A thenable of another library, or of another realm.
    [
      'rejects with a thenable',
      () => ({ then: (_: unknown, reject: (e: Error) => void) => reject(new Error('broken')) }),
    ],
  ])('(%s) is reported once, and the others are called', async (_, fail) => {
    const { emitter, reports, heard, listener } = made();
    emitter.on('news', listener('a'));
    emitter.on('news', fail);
    emitter.on('news', listener('c'));

    expect(() => emitter.emit('news', 'one')).not.toThrow();
    await Promise.resolve();
    await Promise.resolve();

    expect(heard).toEqual(['a one', 'c one']);
    expect(reports).toEqual([['news', new Error('broken')]]);
  });

  test('is called again for the next event', () => {
    const { emitter, reports } = made();
    emitter.on('news', () => {
      throw new Error('broken');
    });

    emitter.emit('news', 'one');
    emitter.emit('news', 'two');

    expect(reports).toHaveLength(2);
  });
});
