// Listeners, loggers and inspectors are the user's code: what they throw is reported once and changes nothing.
import { describe, expect, test } from 'vitest';
import type { ConnectionError, ConnectionEvents } from '../../src/index.ts';
import { until } from '../../src/testing/wait.ts';
import { quiet, rejectionOf, stage } from '../support/connected.ts';
import { warnings } from '../support/warnings.ts';

type Name = keyof ConnectionEvents<unknown, unknown, undefined>;

const broken = (): never => {
  throw new Error('broken');
};

/** A logger that remembers everything, or that throws. */
function logging(act: () => unknown = () => undefined) {
  const lines: [string, string][] = [];
  const at = (level: string) => (message: string) => {
    lines.push([level, message]);
    return act();
  };
  const logger = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  return { lines, logger: logger };
}

describe('a listener that fails', () => {
  test.each<[string, () => unknown]>([
    ['throws', broken],
    ['rejects', () => Promise.reject(new Error('broken'))],
  ])('(%s) in every event leaves the connection and the other listeners alone', async (_, fail) => {
    await using scene = await stage();
    const heard = new Set<Name>();
    const errors: ConnectionError[] = [];
    const names: readonly Name[] = [
      ...(['statechange', 'open', 'message', 'reconnecting', 'reconnected'] as const),
      ...(['invalidMessage', 'drain', 'dropped', 'closed'] as const),
    ];
    scene.connection.on('error', (error) => errors.push(error));
    for (const name of names) {
      scene.connection.on(name, () => fail());
      scene.connection.on(name, () => void heard.add(name));
    }
    let socket = await scene.connect();
    socket.reset();
    socket = await scene.reconnect();
    socket.send({ news: 1 });
    socket.send('no json');
    await until(() => heard.has('invalidMessage'));
    await scene.connection.disconnect();
    await quiet();

    expect(heard).toEqual(new Set(names.filter((name) => name !== 'drain' && name !== 'dropped')));
    expect(scene.states).toEqual([
      ...['connecting', 'authenticating', 'open', 'reconnecting'],
      ...['connecting', 'authenticating', 'open', 'closing', 'closed'],
    ]);
    expect(errors.map(({ code }) => code)).toEqual(errors.map(() => 'LISTENER_FAILED'));
    expect(errors.map(({ details }) => details['event'])).toEqual(
      expect.arrayContaining([...heard]) as unknown,
    );
    expect(errors).toHaveLength(scene.changes.length + 2 + 1 + 1 + 1 + 1 + 1);
  });

  test('in `failed` does not keep connect() from being rejected', async () => {
    await using scene = await stage({ retry: false });
    scene.connection.on('error', () => undefined);
    scene.connection.on('failed', broken);
    scene.connection.on('statechange', broken);
    const failing = rejectionOf(scene.connection.connect());
    (await scene.server.upgrade()).destroy();

    expect(await failing).toMatchObject({ code: 'CONNECT_FAILED' });
  });

  test('is told with the event, the text and the cause', async () => {
    await using scene = await stage();
    const errors: ConnectionError[] = [];
    scene.connection.on('error', (error) => errors.push(error));
    scene.connection.on('open', broken);
    await scene.connect();

    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatchObject({
      code: 'LISTENER_FAILED',
      message: 'A listener of "open" failed: broken.',
      details: { event: 'open', cause: 'broken' },
      cause: new Error('broken'),
    });
  });
});

describe('a failure of a listener is reported once', () => {
  test('to the listeners of `error` where there are some, and not to the logger', async () => {
    const { lines, logger } = logging();
    const warned = warnings();
    await using scene = await stage({ logger });
    const errors: string[] = [];
    scene.connection.on('error', ({ code }) => errors.push(code));
    scene.connection.on('open', broken);
    await scene.connect();
    await quiet();

    expect([errors, lines.filter(([, line]) => line.includes('broken')), warned]).toEqual([
      ['LISTENER_FAILED'],
      [],
      [],
    ]);
  });

  test('to the logger where nobody listens', async () => {
    const { lines, logger } = logging();
    const warned = warnings();
    await using scene = await stage({ logger });
    scene.connection.on('open', broken);
    await scene.connect();
    await quiet();

    expect([lines.filter(([, line]) => line.includes('broken')), warned]).toEqual([
      [['error', 'A listener of "open" failed: broken.']],
      [],
    ]);
  });

  test('as a warning of the process where there is no logger either', async () => {
    const warned = warnings();
    await using scene = await stage();
    scene.connection.on('open', broken);
    await scene.connect();
    await until(() => warned.length > 0);

    expect(warned.map(({ message }) => message)).toEqual(['A listener of "open" failed: broken.']);
  });

  test('where it is a listener of `error` itself, without calling it again', async () => {
    const { lines, logger } = logging();
    await using scene = await stage({ logger });
    let calls = 0;
    scene.connection.on('error', () => {
      calls += 1;
      broken();
    });
    scene.connection.on('open', broken);
    await scene.connect();
    await quiet();

    expect(calls).toBe(1);
    expect(lines.filter(([level]) => level === 'error')).toEqual([
      ['error', 'A listener of "error" failed: broken.'],
    ]);
  });
});

describe('a logger that fails', () => {
  test.each([
    ['throws', broken],
    ['rejects', () => Promise.reject(new Error('broken'))],
  ])('(%s) is reported, and the connection goes its way', async (_, act) => {
    const warned = warnings();
    await using scene = await stage({ logger: logging(act).logger });
    const errors: string[] = [];
    scene.connection.on('error', ({ code }) => errors.push(code));
    const socket = await scene.connect();
    socket.send('no json');
    await quiet();
    socket.reset();
    await scene.reconnect();
    await scene.connection.disconnect();

    expect(scene.states.at(-1)).toBe('closed');
    expect(errors.length + warned.length).toBeGreaterThan(0);
  });
});

describe('an inspector that fails', () => {
  test.each([
    ['a function', broken],
    ['an observer', { next: broken }],
  ])('(%s) is reported, and the connection goes its way', async (_, inspect) => {
    await using scene = await stage({ inspect });
    const errors: string[] = [];
    scene.connection.on('error', ({ code, details }) => errors.push(`${code} ${String(details['event'])}`));
    await scene.connect();
    await scene.connection.disconnect();

    expect(scene.states.at(-1)).toBe('closed');
    expect(new Set(errors)).toEqual(new Set(['LISTENER_FAILED inspect']));
  });

  test('(a function that rejects) ends nothing', async () => {
    await using scene = await stage({ inspect: (() => Promise.reject(new Error('broken'))) as never });
    scene.connection.on('error', () => undefined);
    await scene.connect();
    await quiet();

    expect(scene.connection.state).toBe('open');
  });
});

describe('surroundings that fail', () => {
  test.each(['isOnline', 'subscribe'] as const)(
    '(%s throws) neither hang nor end the connection',
    async (name) => {
      const surroundings = {
        isOnline: () => true,
        subscribe: () => () => undefined,
        [name]: broken,
      };
      await using scene = await stage({ surroundings });
      scene.connection.on('error', () => undefined);
      (await scene.connect()).reset();
      await scene.reconnect();

      expect(scene.connection.state).toBe('open');
    },
  );
});

describe('on()', () => {
  test('returns the function that removes the listener', async () => {
    await using scene = await stage();
    const heard: string[] = [];
    const off = scene.connection.on('statechange', ({ state }) => heard.push(state));
    scene.connection.once('statechange', ({ state }) => heard.push(`once ${state}`));
    const connecting = scene.connection.connect();
    off();
    await scene.server.accept();
    await connecting;

    expect(heard).toEqual(['connecting', 'once connecting']);
  });

  test('tells of nothing that was before', async () => {
    await using scene = await stage();
    await scene.connect();
    const heard: unknown[] = [];
    scene.connection.on('open', (opened) => heard.push(opened));
    await quiet();

    expect(heard).toEqual([]);
  });

  test('takes names that every object has', async () => {
    await using scene = await stage();
    for (const name of ['__proto__', 'constructor', 'toString'])
      expect(scene.connection.on(name as 'open', () => undefined)).toBeTypeOf('function');
    await scene.connect();

    expect(scene.connection.state).toBe('open');
  });
});

describe('a message that looks like a control event', () => {
  test.each(['disconnect', 'socket.closed', 'xstate.stop', 'error', '__proto__'])(
    '(type: %s) is a message',
    async (type) => {
      await using scene = await stage();
      const socket = await scene.connect();
      socket.send(`{"type":"${type}","__proto__":{"state":"failed"}}`);
      await until(() => scene.messages.length === 1);

      expect(scene.messages[0]).toHaveProperty('type', type);
      expect(scene.connection.state).toBe('open');
    },
  );
});
