// What each request says: headers, method, body, place.
import { expect, describe, test } from 'vitest';
import type { AttemptInfo } from '../../src/index.ts';
import { headerOf } from '../../src/sse/request.ts';
import { quiet, rejectionOf } from '../support/connected.ts';
import { sseStage } from './scene.ts';

describe('a request', () => {
  test('asks for its headers and its body anew each time', async () => {
    const infos: Omit<AttemptInfo, 'signal'>[] = [];
    await using scene = await sseStage({
      headers: ({ attempt, reason }) => {
        infos.push({ attempt, reason });
        return { Authorization: `Bearer ${attempt}` };
      },
      body: ({ attempt }) => Promise.resolve(`from attempt ${attempt}`),
    });
    const first = await scene.connect();
    first.cut();
    const second = await scene.reconnect();

    expect([first, second].map(({ request, body }) => [request.headers.authorization, body])).toEqual([
      ['Bearer 0', 'from attempt 0'],
      ['Bearer 1', 'from attempt 1'],
    ]);
    expect(infos).toEqual([
      { attempt: 0, reason: 'CONNECT_CALLED' },
      { attempt: 1, reason: 'LINK_LOST' },
    ]);
  });

  test.each([
    [{}, 'GET', ''],
    [{ body: 'text' }, 'POST', 'text'],
    [{ method: 'put', body: new TextEncoder().encode('bytes') }, 'PUT', 'bytes'],
    [{ method: 'POST' }, 'POST', ''],
    [{ body: new URLSearchParams({ a: '1' }) }, 'POST', 'a=1'],
    [{ body: () => new Blob(['stream']).stream() }, 'POST', 'stream'],
  ])('with %o is a %s', async (options, method, body) => {
    await using scene = await sseStage(options);
    const exchange = await scene.connect();
    exchange.cut();
    const again = await scene.reconnect();

    expect([exchange, again].map(({ request, body: sent }) => [request.method, sent])).toEqual([
      [method, body],
      [method, body],
    ]);
  });

  test('that cannot be made is a failed attempt', async () => {
    await using scene = await sseStage({
      body: () => {
        throw new Error('no body today');
      },
      retry: { initial: false },
    });

    expect(await rejectionOf(scene.connection.connect())).toMatchObject({
      code: 'PROVIDER_FAILED',
      message: 'The function given as body failed: no body today.',
    });
    expect(scene.server.requests).toBe(0);
  });

  test('waits for a body no longer than it may', async () => {
    let signal: AbortSignal | undefined;
    await using scene = await sseStage({
      body: (info) => {
        ({ signal } = info);
        return new Promise<string>(() => undefined);
      },
      timeouts: { providerMs: 2_000 },
      retry: false,
    });
    const connecting = rejectionOf(scene.connection.connect());
    await quiet();
    scene.clock.advance(2_000);

    expect(await connecting).toMatchObject({ code: 'PROVIDER_TIMEOUT', details: { option: 'body' } });
    expect(signal?.aborted).toBe(true);
  });

  test('goes through a fetch of one’s own', async () => {
    const calls: [string, string | undefined, unknown][] = [];
    await using scene = await sseStage({
      credentials: 'include',
      fetch: (url, init) => {
        calls.push([url, init.method, init.credentials]);
        return fetch(url, init);
      },
    });
    (await scene.connect()).write('data: x\n\n');
    await scene.received(1);

    expect(calls).toEqual([[scene.server.url, 'GET', 'include']]);
  });

  test('through a fetch that throws at once, or answers what is none, is a failed attempt', async () => {
    let calls = 0;
    await using scene = await sseStage({
      fetch: () => {
        calls += 1;
        if (calls === 1) throw new Error('no fetch today');
        return Promise.resolve(undefined as never);
      },
      retry: { maxAttempts: 1 },
    });
    const connecting = rejectionOf(scene.connection.connect());
    await scene.until('reconnecting');
    scene.clock.advance(500);

    expect(await connecting).toMatchObject({ code: 'RETRIES_EXHAUSTED' });
    expect(scene.reasons).toEqual(['CONNECT_FAILED']);
  });

  test('with a header that nobody can send is refused for good', async () => {
    await using scene = await sseStage({ headers: () => ({ 'not a name': 'x' }) });

    expect(await rejectionOf(scene.connection.connect())).toMatchObject({ code: 'CONNECT_FAILED' });
  });

  test('sends the user of its URL as a header', async () => {
    await using scene = await sseStage();
    const url = new URL(scene.server.url);
    url.username = 'ada';
    url.password = 'pass word/ü';
    await using other = await sseStage({ url });
    const connecting = other.connection.connect();
    const exchange = (await scene.server.next()).open();
    await connecting;

    const [, basic = ''] = exchange.request.headers.authorization?.split(' ') ?? [];
    expect(Buffer.from(basic, 'base64').toString()).toBe('ada:pass word/ü');
  });
});

describe('the place', () => {
  test('is the one that was given, until the server gives another', async () => {
    await using scene = await sseStage({ lastEventId: 'start' });
    const first = await scene.connect();
    first.write('data: a\n\nid: ü\n\n').end();
    const second = await scene.reconnect();
    second.write('id\ndata: b\n\n').end();
    const third = await scene.retry();

    expect(scene.events.map(({ id }) => id)).toEqual(['start', '']);
    expect(first.lastEventId).toBe('start');
    expect(Buffer.from(second.lastEventId ?? '', 'latin1').toString()).toBe('ü');
    expect(third.lastEventId).toBeUndefined();
  });

  test('is not sent where no header can hold it, and the stream goes on', async () => {
    await using scene = await sseStage();
    (await scene.connect()).write('id: a\u0001b\ndata: a\n\n').end();
    const second = await scene.reconnect();

    expect(scene.connection.lastEventId).toBe('a\u0001b');
    expect(second.lastEventId).toBeUndefined();
  });

  test.each([
    ['', undefined],
    ['7', '7'],
    ['世', '\xe4\xb8\x96'],
    ['\x7f', undefined],
    ['é'.repeat(2_048), 'Ã©'.repeat(2_048)],
    ['é'.repeat(2_049), undefined],
    ['x'.repeat(10_000_000), undefined],
  ])('as a header (%#)', (id, value) => {
    expect(headerOf(id) === value).toBe(true);
  });
});
