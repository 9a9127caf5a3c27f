// Which upgrade requests are accepted, and how the others are refused: RFC 6455 §4.2, byte by byte.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RealtimeServer } from '../../../src/server/index.ts';
import { seeded } from '../random-data.ts';
import { echo, serve } from '../scene.ts';
import { acceptOf, bare, frame, head, Tcp, UPGRADE_HEADERS } from './raw.ts';

let server: RealtimeServer;
beforeAll(async () => {
  server = await serve((routes) => routes.websocket('/', echo).websocket('/chat/:room', echo));
});
afterAll(() => server.close({ deadlineMs: 0 }));

type Headers = Readonly<Record<string, string | undefined>>;

async function answerTo(headers: Headers, line?: string): Promise<Tcp & { readonly answer: string }> {
  const tcp = Tcp.dial(server);
  tcp.write(head({ ...UPGRADE_HEADERS, ...headers }, line));
  const answer = await tcp.takeTo('\r\n\r\n');
  return Object.assign(tcp, { answer });
}

const ACCEPTED =
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
  'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n';

describe('an upgrade request', () => {
  it.each<[string, Headers, string?]>([
    ['is as in the RFC', {}],
    ['has a token list for Connection', { Connection: 'keep-alive, Upgrade' }],
    ['has names and tokens in other cases', { Upgrade: 'WebSocket', Connection: 'UPGRADE' }],
    ['has lower-case header names', lowerCased()],
    ['has a query', {}, 'GET /?room=1 HTTP/1.1'],
    ['has a whole URL', {}, 'GET http://test/chat/1?room=1 HTTP/1.1'],
    ['has a whole URL without a path', {}, 'GET HTTPS://user@test:1 HTTP/1.1'],
    ['offers an extension that is not spoken', { 'Sec-WebSocket-Extensions': 'permessage-deflate, x-other' }],
    ['offers subprotocols that are not spoken', { 'Sec-WebSocket-Protocol': 'chat, superchat' }],
    ['has space around its values', { 'Sec-WebSocket-Version': '  13  ', Upgrade: ' websocket ' }],
  ])('that %s is accepted', async (_what, headers, line) => {
    using tcp = await answerTo(headers, line);
    expect(tcp.answer).toBe(ACCEPTED);
  });

  it(
    'with any key of 16 bytes is answered with its accept value, of 28 characters',
    seeded(async (random) => {
      for (const key of random.many(10, () => random.buffer(16).toString('base64'))) {
        using tcp = await answerTo({ 'Sec-WebSocket-Key': key });
        const [, accept] = /Sec-WebSocket-Accept: (.*)\r\n/.exec(tcp.answer) ?? [];
        expect([accept, accept?.length]).toEqual([acceptOf(key), 28]);
      }
    }),
  );

  it('may come one byte at a time, and with the first frames behind it', async () => {
    using tcp = Tcp.dial(server);
    await tcp.writeByteByByte(Buffer.concat([Buffer.from(head()), frame(0x81, 'at once')]));
    expect(await tcp.takeTo('\r\n\r\n')).toBe(ACCEPTED);
    await tcp.got(bare(0x81, 'at once').toString('hex'));

    using together = Tcp.dial(server);
    together.write(head(), frame(0x81, 'in one'), frame(0x81, 'packet'));
    await together.takeTo('\r\n\r\n');
    await together.got(Buffer.concat([bare(0x81, 'in one'), bare(0x81, 'packet')]).toString('hex'));
  });

  it.each([
    ['another method', { line: 'POST / HTTP/1.1' }, 405],
    ['the method HEAD', { line: 'HEAD / HTTP/1.1' }, 405],
    ['the method PUT', { line: 'PUT / HTTP/1.1' }, 405],
    ['an unknown path', { line: 'GET /nowhere HTTP/1.1' }, 404],
    ['a path of a route that lacks its parameter', { line: 'GET /chat/ HTTP/1.1' }, 404],
    ['a path that cannot be decoded', { line: 'GET /%ff HTTP/1.1' }, 400],
    ['another Upgrade', { headers: { Upgrade: 'h2c' } }, 426],
    ['no Upgrade', { headers: { Upgrade: undefined } }, 426],
    ['no Connection', { headers: { Connection: undefined } }, 426],
    ['another Connection', { headers: { Connection: 'keep-alive' } }, 426],
    ['no version', { headers: { 'Sec-WebSocket-Version': undefined } }, 426],
    ['the version 8', { headers: { 'Sec-WebSocket-Version': '8' } }, 426],
    ['the version 14', { headers: { 'Sec-WebSocket-Version': '14' } }, 426],
    ['the version 013', { headers: { 'Sec-WebSocket-Version': '013' } }, 426],
    ['two versions', { headers: { 'Sec-WebSocket-Version': '13, 8' } }, 426],
    ['no key', { headers: { 'Sec-WebSocket-Key': undefined } }, 400],
    ['an empty key', { headers: { 'Sec-WebSocket-Key': '' } }, 400],
    ['a key of 23 characters', { headers: { 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ=' } }, 400],
    ['a key of 25 characters', { headers: { 'Sec-WebSocket-Key': 'AdGhlIHNhbXBsZSBub25jZQ==' } }, 400],
    ['a key of 15 bytes', { headers: { 'Sec-WebSocket-Key': Buffer.alloc(15).toString('base64') } }, 400],
    ['a key of 24 characters that are no base64', { headers: { 'Sec-WebSocket-Key': '?'.repeat(24) } }, 400],
    ['subprotocols that are no tokens', { headers: { 'Sec-WebSocket-Protocol': 'a b' } }, 400],
    ['one subprotocol twice', { headers: { 'Sec-WebSocket-Protocol': 'a, a' } }, 400],
  ] as [string, { line?: string; headers?: Headers }, number][])(
    'with %s is refused, and nothing is upgraded',
    async (_what, { line, headers = {} }, status) => {
      using tcp = await answerTo(headers, line);
      expect(tcp.answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
      expect(tcp.answer.toLowerCase()).not.toContain('sec-websocket-accept');
      if (status === 426) expect(tcp.answer).toContain('Upgrade: websocket\r\n');
      expect(server.connections.size).toBe(0);
    },
  );

  it('of a version that is not spoken is told which one is', async () => {
    using tcp = await answerTo({ 'Sec-WebSocket-Version': '8' });
    expect(tcp.answer).toContain('Sec-WebSocket-Version: 13\r\n');
  });

  // RFC 6455 §4.2.1, items 1 and 2. `ws` looks at neither.
  it.each(['HTTP/1.0', 'HTTP/0.9'])('of %s is refused', async (version) => {
    using tcp = await answerTo({}, `GET / ${version}`);
    expect(tcp.answer).toMatch(/^HTTP\/1.1 4\d\d /);
  });

  it('without a Host is refused', async () => {
    using tcp = await answerTo({ Host: undefined });
    expect(tcp.answer).toMatch(/^HTTP\/1.1 400 /);
  });

  // RFC 9110 §15.5.6.
  it('of another method is told which one is right', async () => {
    using tcp = await answerTo({}, 'POST / HTTP/1.1');
    expect(tcp.answer).toContain('Allow: GET\r\n');
  });
});

function lowerCased(): Headers {
  const upper = Object.keys(UPGRADE_HEADERS).map((name) => [name, undefined] as const);
  const lower = Object.entries(UPGRADE_HEADERS).map(([name, value]) => [name.toLowerCase(), value] as const);
  return Object.fromEntries([...upper, ...lower]);
}
