// Certificates: a private authority, one that nobody knows, one of another host; over https and wss, of one server.
import { createServer } from 'node:https';
import { once } from 'node:events';
import { Agent, fetch as undiciFetch } from 'undici';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Connection, text, type ConnectionError } from '../../src/index.ts';
import { createRealtimeServer } from '../../src/server/index.ts';
import { SseConnection, type Fetch } from '../../src/sse/index.ts';
import { rejectionOf } from '../support/connected.ts';
import { AUTHORITY, SELF_SIGNED, SIGNED } from '../support/tls.ts';

/** Streams at `/events`, an echo at `/ws`. Returns its URL, and how many requests it was asked. */
async function serve(tls: typeof SIGNED) {
  const https = createServer(tls);
  let requests = 0;
  const count = () => void (requests += 1);
  https.on('request', count).on('upgrade', count);
  https.listen(0, '127.0.0.1');
  await once(https, 'listening');
  const server = createRealtimeServer({ server: https, origins: ['*'] });
  server.sse('/events', async (stream) => {
    await stream.send({ event: 'price', id: '7', data: '12' });
    await new Promise((done) => stream.signal.addEventListener('abort', done));
  });
  server.websocket('/ws', async (socket) => {
    for await (const message of socket) await socket.send(message);
  });
  onTestFinished(async () => {
    await server.close();
    https.closeAllConnections();
    await new Promise((resolve) => https.close(resolve));
  });
  return { url: server.url, requests: () => requests };
}

/** A `fetch` with an opinion on certificates. */
function fetchWith(connect: Agent.Options['connect']): Fetch {
  const dispatcher = new Agent({ connect: connect ?? {} });
  onTestFinished(() => dispatcher.destroy());
  return (url, init) => undiciFetch(url, { ...(init as object), dispatcher }) as unknown as Promise<Response>;
}

/** Why it is not let in, and the states that it went through. */
async function failureOf(connection: Connection<never> | SseConnection | Connection<string>) {
  const states: string[] = [];
  connection.on('statechange', ({ state }) => states.push(state));
  const error = (await rejectionOf(connection.connect())) as ConnectionError;
  return { error, states };
}

const REFUSED = [
  ['that nobody vouches for', SELF_SIGNED, {}, /self.signed certificate/],
  ['of an authority that is not known', SIGNED, {}, /unable to verify the first certificate/],
  ['of another host', SIGNED, { ca: AUTHORITY, servername: 'example.com' }, /altnames/],
] as const;

describe('an event stream over https', () => {
  test.each(REFUSED)(
    'with a certificate %s is refused, and nothing is retried',
    async (_, tls, trust, why) => {
      const { url, requests } = await serve(tls);
      const fetch = 'ca' in trust ? { fetch: fetchWith(trust) } : {};
      const { error, states } = await failureOf(new SseConnection({ url: `${url}/events`, ...fetch }));

      expect(error).toMatchObject({ code: 'TLS_FAILED', retryable: false });
      expect(error.message).toMatch(why);
      expect(error.remedy).toContain('a fetch of your own');
      expect([states, requests()]).toEqual([['connecting', 'failed'], 0]);
    },
  );

  test('of a private authority is read with a fetch that trusts it', async () => {
    const { url } = await serve(SIGNED);
    await using connection = new SseConnection({
      url: `${url}/events`,
      fetch: fetchWith({ ca: AUTHORITY }),
    });
    const events = connection.messages();
    await connection.connect();

    expect((await events.next()).value).toEqual({ event: 'price', data: '12', id: '7' });
  });
});

describe('a WebSocket over wss', () => {
  test.each(REFUSED)(
    'with a certificate %s is refused, and nothing is retried',
    async (_, tls, node, why) => {
      const { url, requests } = await serve(tls);
      const { error, states } = await failureOf(
        new Connection({ url: `${url}/ws`, protocol: text(), webSocket: { node } }),
      );

      expect(error).toMatchObject({ code: 'TLS_FAILED', retryable: false });
      expect(error.message).toMatch(why);
      expect(error.remedy).toContain('webSocket.node.ca');
      expect([states, requests()]).toEqual([['connecting', 'failed'], 0]);
    },
  );

  test('of a private authority is open where it is trusted', async () => {
    const { url } = await serve(SIGNED);
    await using connection = new Connection({
      url: `${url}/ws`,
      protocol: text(),
      webSocket: { node: { ca: AUTHORITY } },
    });
    const messages = connection.messages();
    await connection.connect();
    connection.send('grüße');

    expect((await messages.next()).value).toBe('grüße');
    expect(connection.stats.connectTimings?.tlsMs).toBeGreaterThanOrEqual(0);
  });
});
