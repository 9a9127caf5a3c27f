// What the demo's page knows without a page: whether a stream is complete, and what becomes of a chat line.
import { describe, expect, it } from 'vitest';
import { OwnLines, type LineStatus } from '../../src/demo-server/page/chat-lines.ts';
import { Continuity } from '../../src/demo-server/page/continuity.ts';
import { fieldsOf, numberIn, textIn } from '../../src/demo-server/page/fields.ts';

describe('the continuity of a stream', () => {
  const after = (...ids: string[]) => {
    const continuity = new Continuity();
    for (const id of ids) continuity.take(id);
    const { received, missing, repeated } = continuity;
    return { received, missing, repeated };
  };

  it('is whole when each number follows the one before', () => {
    expect(after('1', '2', '3')).toEqual({ received: 3, missing: 0, repeated: 0 });
    expect(after('AAPL-1', 'AMD-2')).toEqual({ received: 2, missing: 0, repeated: 0 });
  });

  it('counts what is missing, also before the first', () => {
    expect(after('3', '7')).toEqual({ received: 2, missing: 5, repeated: 0 });
  });

  it('counts what comes again', () => {
    expect(after('1', '2', '1', '2', '3')).toEqual({ received: 5, missing: 0, repeated: 2 });
  });
});

describe("a chat line of one's own", () => {
  function lines() {
    const shown: (readonly [string, LineStatus])[] = [];
    const own = new OwnLines<{ readonly name: string }>(({ name }, status) => shown.push([name, status]));
    return { own, shown };
  }
  const first = { name: 'first' };
  const second = { name: 'second' };

  it('waits, is sent, and comes back', () => {
    const { own, shown } = lines();
    own.add(first, 'hello', 17);
    own.sent(first);

    expect(own.cameBack('hello')).toEqual({ text: 'hello', status: 'sent', sentAt: 17 });
    expect(own.cameBack('hello')).toBe(undefined);
    expect(shown).toEqual([
      ['first', 'waiting'],
      ['first', 'sent'],
      ['first', 'said'],
    ]);
  });

  it('may come back before it is known to be sent', () => {
    const { own, shown } = lines();
    own.add(first, 'hello');
    own.cameBack('hello');
    own.sent(first);
    expect(shown.at(-1)).toEqual(['first', 'said']);
  });

  it('is one of two that are alike', () => {
    const { own, shown } = lines();
    own.add(first, 'hello');
    own.add(second, 'hello');
    own.cameBack('hello');
    expect(shown.slice(2)).toEqual([['first', 'said']]);
  });

  it('is in doubt when the connection is lost after it was sent, and waits on when it was not', () => {
    const { own, shown } = lines();
    own.add(first, 'one');
    own.add(second, 'two');
    own.sent(first);
    own.connectionLost();
    own.failed(first, 'lost');
    expect(shown.slice(3)).toEqual([['first', 'unknown']]);
    own.failed(second, 'lost');
    expect(shown.at(-1)).toEqual(['second', 'lost']);
  });
});

describe('a field that the server sent', () => {
  it('is what it is said to be', () => {
    const fields = fieldsOf({ price: 1.5, symbol: 'AMD' });
    expect([numberIn(fields, 'price'), textIn(fields, 'symbol')]).toEqual([1.5, 'AMD']);
  });

  it.each([
    ['an array', () => fieldsOf([]), 'Expected an object, got an array.'],
    ['nothing', () => fieldsOf(null), 'Expected an object, got null.'],
    ['a text', () => numberIn({ price: '1' }, 'price'), 'Expected `price` to be a number, got string.'],
    ['a gap', () => textIn({}, 'symbol'), 'Expected `symbol` to be a string, got undefined.'],
  ])('is refused when it is %s', (_, read, message) => {
    expect(read).toThrow(new TypeError(message));
  });
});
