// The DOM's interface over an SSE connection.
import { describe, expect, onTestFinished, test } from 'vitest';
import { fixedBackoff } from '../../src/index.ts';
import { StatewireEventSource, type StatewireEventSourceInit } from '../../src/sse/index.ts';
import { until } from '../../src/testing/wait.ts';
import { quiet } from '../support/connected.ts';
import { StreamServer } from './stream-server.ts';

async function opened(init: StatewireEventSourceInit = {}) {
  const server = await StreamServer.listen();
  const source = new StatewireEventSource(server.url, {
    retry: { backoff: fixedBackoff({ delayMs: 1 }) },
    ...init,
  });
  const told: unknown[] = [];
  source.onopen = () => told.push(['open', source.readyState]);
  source.onerror = () => told.push(['error', source.readyState]);
  source.onmessage = ({ data, lastEventId, origin }) => told.push([data, lastEventId, origin]);
  onTestFinished(async () => {
    source.close();
    await server.close();
  });
  return { server, source, told };
}

describe('an EventSource', () => {
  test('fits where the DOM wants one', async () => {
    const { source } = await opened();
    const asDom: Pick<EventSource, 'url' | 'readyState' | 'withCredentials' | 'close' | 'CLOSED'> = source;

    expect([asDom.readyState, asDom.withCredentials, asDom.CLOSED]).toEqual([0, false, 2]);
    expect([StatewireEventSource.CONNECTING, StatewireEventSource.OPEN, StatewireEventSource.CLOSED]).toEqual(
      [...[0, 1, 2]],
    );
    expect(source).toBeInstanceOf(EventTarget);
  });

  test('reports what a listener throws or rejects with, and tells the others', async () => {
    const reported: string[] = [];
    const ignore = () => undefined;
    const error = (message: string) => void reported.push(message);
    const logger = { debug: ignore, info: ignore, warn: ignore, error };
    const { server, source, told } = await opened({ logger });
    source.onopen = () => {
      throw new Error('broken');
    };
    const rejects = (async () => {
      await Promise.reject(new Error('too late'));
    }) as unknown as (event: Event) => void;
    source.addEventListener('message', rejects);
    source.addEventListener('message', {
      handleEvent() {
        throw new Error('broken as well');
      },
    });
    const exchange = (await server.next()).open();
    exchange.write('data: one\n\n');
    await until(() => reported.length === 3);
    source.removeEventListener('message', rejects);
    exchange.write('data: two\n\n');
    await until(() => reported.length === 4);

    expect(reported).toEqual([
      'A listener of "open" failed: broken.',
      'A listener of "message" failed: broken as well.',
      'A listener of "message" failed: too late.',
      'A listener of "message" failed: broken as well.',
    ]);
    expect(told.map((one) => (one as unknown[])[0])).toEqual(['one', 'two']);
  });

  test('connects, tells messages and named events, and comes back', async () => {
    const { server, source, told } = await opened();
    const named: unknown[] = [];
    source.addEventListener('price', (event: MessageEvent<string>) => named.push(event.data));
    expect(source.url).toBe(server.url);
    expect(source.readyState).toBe(0);

    const first = await server.next();
    first.open().write('id: 1\ndata: a\n\nevent: price\ndata: 12\n\n');
    await until(() => named.length === 1);
    expect(source.readyState).toBe(1);
    first.end();
    const second = await server.next();
    second.open().write('data: b\n\n');
    await until(() => told.length === 5);

    expect(second.lastEventId).toBe('1');
    expect(named).toEqual(['12']);
    expect(told).toEqual([
      ['open', 1],
      ['a', '1', server.origin],
      ['error', 0],
      ['open', 1],
      ['b', '1', server.origin],
    ]);
  });

  test('is closed by 204 and by a wrong type', async () => {
    for (const type of [undefined, 'text/html']) {
      const { server, source, told } = await opened();
      const exchange = await server.next();
      if (type === undefined) exchange.refuse(204);
      else exchange.refuse(200, { 'Content-Type': type });
      await until(() => told.length === 1);

      expect(told).toEqual([['error', 2]]);
      expect(source.readyState).toBe(2);
    }
  });

  test('tells nothing after close()', async () => {
    const { server, source, told } = await opened();
    const exchange = (await server.next()).open();
    await until(() => source.readyState === 1);
    source.addEventListener('last', () => source.close());
    exchange.write('event: last\ndata: x\n\ndata: y\n\n');
    await exchange.gone();
    await quiet();

    expect(source.readyState).toBe(2);
    expect(told).toEqual([['open', 1]]);
  });

  test('has one handler of each kind, and as many listeners as it is given', async () => {
    const { server, source, told } = await opened();
    const heard: string[] = [];
    const listener = () => heard.push('listener');
    source.onmessage = () => heard.push('handler');
    source.addEventListener('message', listener);
    expect(source.onmessage).toBeTypeOf('function');
    const exchange = (await server.next()).open();
    exchange.write('data: x\n\n');
    await until(() => heard.length === 2);
    source.onmessage = null;
    source.removeEventListener('message', listener);
    source.addEventListener('end', () => heard.push('end'), { once: true });
    exchange.write('data: y\n\nevent: end\ndata\n\n');
    await until(() => heard.length === 3);

    expect(source.onmessage).toBeNull();
    expect(heard).toEqual(['handler', 'listener', 'end']);
    expect(told).toEqual([['open', 1]]);
  });

  test('sends cookies only where it is told to', async () => {
    const seen: unknown[] = [];
    const { server } = await opened({
      withCredentials: true,
      fetch: (url, init) => {
        seen.push(init.credentials);
        return fetch(url, init);
      },
    });
    await server.next();

    expect(seen).toEqual(['include']);
  });

  test('refuses a URL that is none', () => {
    expect(() => new StatewireEventSource('nowhere')).toThrow(
      'an absolute URL such as https://example.com/path',
    );
  });
});
