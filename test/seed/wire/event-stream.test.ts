// Event streams as bytes on TCP: what our server writes, and what our client makes of whatever a server writes
// (WHATWG HTML §9.2, RFC 9112 §7.1).
import { describe, expect, it } from 'vitest';
import type { SseHandler } from '../../../src/server/index.ts';
import { StatewireEventSource } from '../../../src/sse/index.ts';
import { until } from '../../../src/testing/wait.ts';
import { serve, SseClient, stay } from '../scene.ts';
import { head, listenTcp, Tcp } from './raw.ts';

const REQUEST = { Host: 'test', Accept: 'text/event-stream' };

const isWhole = (body: Buffer): boolean => /(?:\r\n|^)0\r\n\r\n$|\}$/.test(body.toString('latin1'));

/** The whole answer of a server: chunks to the last one, or the JSON of a refusal. */
async function answerTo(
  handler: SseHandler,
  headers: Readonly<Record<string, string | undefined>> = {},
  line?: string,
): Promise<{ readonly head: string; readonly body: Buffer }> {
  await using server = await serve((routes) => routes.sse('/', handler), {
    origins: ['https://app.example'],
  });
  using tcp = Tcp.dial(server);
  tcp.write(head({ ...REQUEST, ...headers }, line));
  const answer = await tcp.takeTo('\r\n\r\n');
  await until(() => isWhole(tcp.bytes), { describe: () => `the end of ${tcp.bytes.toString()}` });
  return { head: answer, body: tcp.bytes };
}

/** Without the frames of HTTP around its chunks. */
function unchunked(body: Buffer): string {
  const parts: Buffer[] = [];
  for (let at = 0; ;) {
    const lineEnd = body.indexOf('\r\n', at);
    const size = Number.parseInt(body.toString('latin1', at, lineEnd), 16);
    if (size === 0) return Buffer.concat(parts).toString();
    parts.push(body.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = lineEnd + 2 + size + 2;
  }
}

describe('the answer of the server', () => {
  it('has these headers and no others, and one chunk for each event that was waited for', async () => {
    await using server = await serve((routes) =>
      routes.sse('/', async (stream) => {
        await stream.sendText('a');
        await stay(stream);
      }),
    );
    using tcp = Tcp.dial(server);
    tcp.write(head(REQUEST));
    const answer = await tcp.takeTo('\r\n\r\n');
    await tcp.got(Buffer.from('9\r\ndata: a\n\n\r\n').toString('hex'));

    const [status, ...headers] = answer.trimEnd().split('\r\n');
    const isOfTheMoment = (header: string): boolean => /^(Date|Keep-Alive): /.test(header);
    expect(status).toBe('HTTP/1.1 200 OK');
    expect(headers.filter((header) => !isOfTheMoment(header)).sort()).toEqual([
      'Cache-Control: no-cache, no-transform',
      'Connection: keep-alive',
      'Content-Type: text/event-stream',
      'Transfer-Encoding: chunked',
      'X-Accel-Buffering: no',
    ]);
  });

  it('is the same for a client that accepts anything', async () => {
    const send: SseHandler = (stream) => stream.sendText('a');
    for (const accept of [undefined, '*/*', 'text/*', 'text/html, text/event-stream;q=0.1']) {
      const { head: answer, body } = await answerTo(send, { Accept: accept });
      expect([answer.slice(0, 15), unchunked(body)]).toEqual(['HTTP/1.1 200 OK', 'data: a\n\n']);
    }
  });

  // RFC 9112 §9.6, and §6.3 for HTTP/1.0: the end of the connection is the only end that such a stream has.
  it.each([
    ['that asks for it', { Connection: 'close' }, 'GET / HTTP/1.1'],
    ['that speaks HTTP/1.0', {}, 'GET / HTTP/1.0'],
    ['that speaks HTTP/1.0 and asks for it', { Connection: 'close' }, 'GET / HTTP/1.0'],
  ])('ends the connection after the stream, for a client %s', async (_which, headers, line) => {
    await using server = await serve((routes) => routes.sse('/', (stream) => stream.sendText('a')));
    using tcp = Tcp.dial(server);
    tcp.write(head({ ...REQUEST, ...headers }, line));
    expect(await tcp.takeTo('\r\n\r\n')).toContain('Connection: close\r\n');
    await tcp.ended();
    expect(tcp.bytes.toString()).toContain('data: a\n\n');
  });

  it('is a refusal for a page of no origin that asks for no host', async () => {
    await using server = await serve((routes) => routes.sse('/', stay));
    using tcp = Tcp.dial(server);
    tcp.write(head({ Accept: 'text/event-stream', Origin: 'null' }, 'GET / HTTP/1.0'));
    expect(await tcp.takeTo('\r\n\r\n')).toMatch(/^HTTP\/1\.1 403 /);
  });

  it('names the page that may read it', async () => {
    const { head: answer } = await answerTo((stream) => stream.sendText('a'), {
      Origin: 'https://app.example',
    });
    expect(answer).toContain('Access-Control-Allow-Origin: https://app.example\r\nVary: Origin\r\n');
  });

  it('has the fields in this order: event, id, retry, data', async () => {
    const { body } = await answerTo(async (stream) => {
      await stream.send({ data: { b: 1 }, retryMs: 5_000, id: 'evt-0001', event: 'update' });
      await stream.send({ data: 'no fields' });
      await stream.send({ retryMs: 0 });
      await stream.send({ id: '', event: '', data: '' });
      await stream.sendComment('Keep-alive');
      await stream.ping();
    });
    expect(unchunked(body)).toBe(
      'event: update\nid: evt-0001\nretry: 5000\ndata: {"b":1}\n\n' +
        'data: no fields\n\n' +
        'retry: 0\n\n' +
        'id: \ndata: \n\n' +
        ': Keep-alive\n\n' +
        ': ping\n\n',
    );
  });

  it('writes each line of data by itself, and no CR, whatever ends the lines', async () => {
    const { body } = await answerTo(async (stream) => {
      await stream.sendText('a\nb\r\nc\rd');
      await stream.sendText('end\n');
      await stream.sendText('\r\n');
      await stream.sendComment('two\rlines\nor\r\nmore');
      await stream.sendText('世界 🚀');
    });
    expect(unchunked(body)).toBe(
      'data: a\ndata: b\ndata: c\ndata: d\n\n' +
        'data: end\ndata: \n\n' +
        'data: \ndata: \n\n' +
        ': two\n: lines\n: or\n: more\n\n' +
        'data: 世界 🚀\n\n',
    );
  });

  it('has no field that breaks out of its line', async () => {
    const attempts: unknown[] = [];
    const { body } = await answerTo(async (stream) => {
      for (const fields of [
        ...['a\ndata: b', 'a\rdata: b', 'a\r\n\r\ndata: b'].flatMap((evil) => [
          { event: evil },
          { id: evil },
        ]),
        ...[
          { id: 'a\0b' },
          { retryMs: -1 },
          { retryMs: 1.5 },
          { retryMs: NaN },
          { retryMs: '1\ndata: b' as never },
        ],
      ])
        try {
          await stream.send({ ...fields, data: 'x' });
        } catch (error) {
          attempts.push((error as { code?: unknown }).code);
        }
      await stream.sendText('event: none\nid: none\n: none\n\ndata: none');
    });
    expect(attempts).toEqual(Array(11).fill('INVALID_OPTION'));
    expect(unchunked(body)).toBe(
      'data: event: none\ndata: id: none\ndata: : none\ndata: \ndata: data: none\n\n',
    );
  });

  it('reads Last-Event-ID as UTF-8, byte for byte', async () => {
    const heard: string[] = [];
    const note: SseHandler = (stream) => void heard.push(stream.lastEventId);
    for (const id of ['evt-0009', 'größe 世界 🚀', '', undefined])
      await answerTo(note, {
        'Last-Event-ID': id,
      });
    expect(heard).toEqual(['evt-0009', 'größe 世界 🚀', '', '']);
  });

  it.each([
    ['POST / HTTP/1.1', REQUEST, 405],
    ['GET / HTTP/1.1', { ...REQUEST, Accept: 'application/json' }, 406],
    ['GET /nowhere HTTP/1.1', REQUEST, 404],
    ['GET / HTTP/1.1', { ...REQUEST, Origin: 'https://evil.example' }, 403],
  ])('to %s with %j is %i', async (line, headers, status) => {
    const { head: answer } = await answerTo(stay, headers, line);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(answer).not.toContain('event-stream');
  });
});

const OPENING = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n';

/** A server that answers every request with these bytes, as they are handed over. */
async function listening(answer: (tcp: Tcp) => unknown) {
  const requests: string[] = [];
  const server = await listenTcp((tcp) => {
    void tcp.takeTo('\r\n\r\n').then(
      (request) => {
        requests.push(request);
        return answer(tcp);
      },
      () => undefined,
    );
  });
  return {
    requests,
    url: `http://127.0.0.1:${server.port}/events`,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

const chunk = (text: string): Buffer =>
  Buffer.concat([Buffer.from(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`)]);

const STREAM =
  '\uFEFF: comment\r\n\r\nevent: größe\rid: ж1\rdata: 世界\rdata: 🚀\r\rid: 2\n\nretry: 1500\nid: a\0b\n' +
  'data:\ndata\n\n\r\ndata:  x\r\n\r\nid\r\ndata: end\n\nevent: lost\r\n\r\ndata: never ended';

const EVENTS = [
  { event: 'größe', data: '世界\n🚀', id: 'ж1' },
  { event: 'message', data: '\n', id: '2' },
  { event: 'message', data: ' x', id: '2' },
  { event: 'message', data: 'end', id: '' },
];

describe('what the client makes of a stream', () => {
  it.each<[string, (tcp: Tcp) => unknown]>([
    [
      'in one chunk',
      (tcp) => tcp.write(OPENING, 'Transfer-Encoding: chunked\r\n\r\n', chunk(STREAM), '0\r\n\r\n'),
    ],
    [
      'in one chunk for each character',
      (tcp) =>
        tcp.write(
          OPENING,
          'Transfer-Encoding: chunked\r\n\r\n',
          ...Array.from(STREAM, chunk),
          Buffer.from('0\r\n\r\n'),
        ),
    ],
    [
      'byte by byte, head and all',
      (tcp) =>
        tcp.writeByteByByte(
          Buffer.concat([
            Buffer.from(`${OPENING}Transfer-Encoding: chunked\r\n\r\n`),
            chunk(STREAM),
            Buffer.from('0\r\n\r\n'),
          ]),
        ),
    ],
    [
      'of a length that is known',
      (tcp) => tcp.write(OPENING, `Content-Length: ${Buffer.byteLength(STREAM)}\r\n\r\n`, STREAM),
    ],
    [
      'that ends with the connection',
      (tcp) => tcp.socket.end(`${OPENING}Connection: close\r\n\r\n${STREAM}`),
    ],
  ])('%s is what the standard says', async (_how, answer) => {
    await using server = await listening(answer);
    await using client = await SseClient.open(server.url);

    expect(await client.ended()).toBe('STREAM_ENDED');
    expect(client.events).toEqual(EVENTS);
    expect(client.connection.lastEventId).toBe('');
  });

  it.each([
    ['LF', '\n'],
    ['CR', '\r'],
    ['CR LF', '\r\n'],
  ])('with lines that end with %s is told with the last byte of each event', async (_name, end) => {
    await using server = await listening((tcp) => {
      tcp.write(OPENING, '\r\n', ['event: a', 'id: 1', 'data: x', 'data: y', '', ''].join(end));
    });
    await using client = await SseClient.open(server.url);
    expect(await client.got(1)).toEqual([{ event: 'a', data: 'x\ny', id: '1' }]);
    expect(client.connection.state).toBe('open');
  });

  it.each<[string, (tcp: Tcp) => unknown, string]>([
    [
      'in the middle of an event',
      (tcp) => tcp.socket.end(`${OPENING}\r\ndata: whole\n\ndata: half\n`),
      'STREAM_ENDED',
    ],
    [
      'in the middle of a chunk',
      (tcp) =>
        tcp.socket.end(
          `${OPENING}Transfer-Encoding: chunked\r\n\r\nd\r\ndata: whole\n\n\r\n20\r\ndata: half\n`,
        ),
      'LINK_LOST',
    ],
    [
      'before the length that was said',
      (tcp) => tcp.socket.end(`${OPENING}Content-Length: 100\r\n\r\ndata: whole\n\ndata: half`),
      'LINK_LOST',
    ],
  ])('that ends %s has the whole events only', async (_where, answer, code) => {
    await using server = await listening(answer);
    await using client = await SseClient.open(server.url);
    const failure = await client.ended();

    expect(client.events).toEqual([{ event: 'message', data: 'whole', id: '' }]);
    expect(failure).toBe(code);
  });

  it('is let go of when nobody hears it any more, by a fetch too that heeds no signal', async () => {
    let isCancelled = false;
    const body = new ReadableStream<Uint8Array>({
      start: (stream) => stream.enqueue(Buffer.from('data: last\n\n')),
      cancel: () => void (isCancelled = true),
    });
    const headers = { 'Content-Type': 'text/event-stream' };
    const answer = (): Promise<Response> => Promise.resolve(new Response(body, { headers }));
    const client = await SseClient.open('http://test/', { fetch: answer });
    expect(await client.got(1)).toEqual([{ event: 'message', data: 'last', id: '' }]);
    await client.connection.disconnect();
    await until(() => isCancelled);
  });

  it('has the origin that was asked, when the answer does not say where it came from', async () => {
    const headers = { 'Content-Type': 'text/event-stream' };
    const answer = (): Promise<Response> => Promise.resolve(new Response('data: x\n\n', { headers }));
    const source = new StatewireEventSource('http://test:8080/events', { fetch: answer, retry: false });
    const origins: string[] = [];
    source.onmessage = ({ origin }) => origins.push(origin);
    await until(() => source.readyState === StatewireEventSource.CLOSED);
    expect(origins).toEqual(['http://test:8080']);
  });

  it('is asked for in these words, and with the last id in UTF-8', async () => {
    await using server = await listening((tcp) => tcp.socket.end(`${OPENING}\r\nid: größe\ndata: x\n\n`));
    await using client = await SseClient.open(server.url, { headers: { 'X-One': '1' } });
    await client.ended();
    await client.connection.connect().catch(() => undefined);
    await until(() => server.requests.length === 2);
    const [first = '', second = ''] = server.requests.map((request) => request.toLowerCase());

    expect(first).toMatch(/^get \/events http\/1.1\r\n/);
    for (const line of ['accept: text/event-stream', 'x-one: 1']) expect(first).toContain(`\r\n${line}\r\n`);
    expect(first).not.toContain('last-event-id');
    const id = Buffer.from('größe').toString('latin1').toLowerCase();
    expect(second).toContain(`\r\nlast-event-id: ${id}\r\n`);
  });
});
