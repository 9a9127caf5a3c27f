// Waiting for a condition, and for the next item of an inbox.
import { afterEach, describe, expect, test, vi } from 'vitest';
import { Inbox, until } from '../../src/testing/wait.ts';

afterEach(() => {
  vi.useRealTimers();
});

describe('until', () => {
  test('resolves with the first truthy value', async () => {
    let turns = 0;
    await expect(until(() => (turns += 1) > 3 && `after ${turns}`)).resolves.toBe('after 4');
  });

  test('tries at once, so that what is true already needs no turn of the event loop', async () => {
    let turned = false;
    const immediate = setImmediate(() => (turned = true));
    await until(() => true);
    expect(turned).toBe(false);
    clearImmediate(immediate);
  });

  test('rejects with what was waited for', async () => {
    await expect(until(() => false, { describe: 'the moon', timeoutMs: 1 })).rejects.toThrow(
      'Waited 1 ms in vain for the moon.',
    );
  });

  test('describes the state at the end when it is given a function', async () => {
    let turns = 0;
    const describe = () => `ten turns, got ${turns > 0 ? 'some' : 'none'}`;
    await expect(until(() => (turns += 1) < 0, { describe, timeoutMs: 0 })).rejects.toThrow(
      'Waited 0 ms in vain for ten turns, got some.',
    );
  });

  test('shows the source of the condition when nothing describes it', async () => {
    const sockets = { live: 1 };
    await expect(until(() => sockets.live === 0, { timeoutMs: 0 })).rejects.toThrow('sockets.live === 0');
  });

  test('rejects with what the condition throws', async () => {
    const broken = () => {
      throw new TypeError('broken');
    };
    await expect(until(broken)).rejects.toThrow(new TypeError('broken'));
  });

  test.each([-1, NaN])('refuses a timeout of %d', async (timeoutMs) => {
    await expect(until(() => true, { timeoutMs })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });

  test('works while a test has replaced the global timers', async () => {
    vi.useFakeTimers();
    let turns = 0;
    await until(() => (turns += 1) > 2);
    await expect(until(() => false, { describe: 'nothing', timeoutMs: 1 })).rejects.toThrow('in vain');
  });
});

describe('Inbox', () => {
  test('gives every item to one who asked, in the order of asking', async () => {
    const inbox = new Inbox<string>('a letter');
    const early = [inbox.next(), inbox.next()];
    inbox.push('a');
    inbox.push('b');
    inbox.push('c');
    await expect(Promise.all([...early, inbox.next()])).resolves.toEqual(['a', 'b', 'c']);
    expect(inbox.items).toEqual(['a', 'b', 'c']);
  });
});
