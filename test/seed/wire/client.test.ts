// Our client against a TCP server that says what a test lets it say: RFC 6455 §4.1, §5 and §7 from the other side.
import { describe, expect, it } from 'vitest';
import { type ConnectionError, type ConnectionOptions, type Closed, type Frame } from '../../../src/index.ts';
import { Connection } from '../../../src/index.ts';
import { until } from '../../../src/testing/wait.ts';
import { frames } from '../scene.ts';
import { acceptOf, bare, closePayload, framesOf, frame, listenTcp, type Tcp } from './raw.ts';

type Options = Partial<ConnectionOptions<Frame, Frame>>;

/** What a server says once it has the request, and the key that is in it. */
type Answer = (tcp: Tcp, key: string) => void;

const accepting = (key: string): string =>
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
  `Sec-WebSocket-Accept: ${acceptOf(key)}\r\n\r\n`;

const accept: Answer = (tcp, key) => tcp.write(accepting(key));

async function meet(answer: Answer = accept, options: Options = {}) {
  const requests: string[] = [];
  const server = await listenTcp((tcp) => {
    void tcp.takeTo('\r\n\r\n').then(
      (request) => {
        requests.push(request);
        answer(tcp, /Sec-WebSocket-Key: (.*)\r\n/i.exec(request)?.[1] ?? '');
      },
      () => undefined,
    );
  });
  const connection = new Connection<Frame, Frame>({
    url: `ws://127.0.0.1:${server.port}/path?q=1`,
    protocol: frames,
    retry: false,
    ...options,
  });
  const messages: Frame[] = [];
  const closes: Closed[] = [];
  let failure: ConnectionError | undefined;
  connection.on('message', (message) => messages.push(message));
  connection.on('closed', (closed) => closes.push(closed));
  connection.on('failed', (error) => (failure = error));
  const failed = () => until(() => failure, { describe: 'the end of the connection' });
  const end = async (): Promise<void> => {
    await Promise.all([connection.disconnect(), server[Symbol.asyncDispose]()]);
  };
  return { server, requests, connection, messages, closes, failed, [Symbol.asyncDispose]: end };
}

/** An open connection, and the server's end of it. */
async function open(options: Options = {}) {
  const met = await meet(accept, options);
  await met.connection.connect();
  return { ...met, tcp: met.server.connections[0]!, [Symbol.asyncDispose]: () => met[Symbol.asyncDispose]() };
}

const sentBy = async (tcp: Tcp, count: number) => {
  await until(() => framesOf(tcp.bytes).length >= count, { describe: `${count} frames of the client` });
  return framesOf(tcp.bytes);
};

describe('the request of the client', () => {
  it('is that of the RFC, and offers nothing that was not asked for', async () => {
    await using met = await open();
    const [line, ...headers] = met.requests[0]!.trimEnd().split('\r\n');
    const named = new Map(headers.map((header) => header.split(': ') as [string, string]));
    const key = named.get('Sec-WebSocket-Key') ?? '';
    named.delete('Sec-WebSocket-Key');

    expect(line).toBe('GET /path?q=1 HTTP/1.1');
    expect([key.length, Buffer.from(key, 'base64').length]).toEqual([24, 16]);
    expect(Object.fromEntries(named)).toEqual({
      Host: `127.0.0.1:${met.server.port}`,
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
    });
  });

  it('has another key each time, the headers that were given, and the subprotocols', async () => {
    const choose: Answer = (tcp, key) =>
      tcp.write(accepting(key).replace('\r\n\r\n', '\r\nSec-WebSocket-Protocol: b\r\n\r\n'));
    await using met = await meet(choose, {
      ...{ headers: { 'X-One': '1' }, protocols: ['a', 'b'], webSocket: { compression: true } },
    });
    for (let n = 0; n < 2; n += 1) {
      await met.connection.connect();
      met.server.connections[n]!.socket.destroy();
      await until(() => met.connection.state === 'failed');
    }
    const keys = met.requests.map((request) => /Sec-WebSocket-Key: (.*)\r\n/.exec(request)?.[1]);

    expect(new Set(keys).size).toBe(2);
    for (const request of met.requests) {
      expect(request).toContain('X-One: 1\r\n');
      expect(request).toContain('Sec-WebSocket-Protocol: a,b\r\n');
      expect(request).toContain('Sec-WebSocket-Extensions: permessage-deflate');
    }
  });
});

const without =
  (line: string): Answer =>
  (tcp, key) =>
    tcp.write(accepting(key).replace(`${line}\r\n`, ''));
const instead =
  (line: string, other: string): Answer =>
  (tcp, key) =>
    tcp.write(accepting(key).replace(line, other));

describe('an answer to the request', () => {
  it('may come byte by byte, in other cases, with other headers', async () => {
    await using met = await meet((tcp, key) => {
      const answer =
        'HTTP/1.1 101 Fine\r\nX-Other: 1\r\nupgrade: WebSocket\r\nCONNECTION: upgrade\r\n' +
        `sec-websocket-accept: ${acceptOf(key)}\r\n\r\n`;
      void tcp.writeByteByByte(Buffer.concat([Buffer.from(answer), bare(0x81, 'hello')]));
    });
    await met.connection.connect();
    await until(() => met.messages.length === 1);
    expect(met.messages).toEqual(['hello']);
  });

  it.each<[string, Answer]>([
    ['the accept value of another key', (tcp) => tcp.write(accepting('AAAAAAAAAAAAAAAAAAAAAA=='))],
    [
      'an accept value in another case',
      (tcp, key) => tcp.write(accepting(key).replace(acceptOf(key), acceptOf(key).toLowerCase())),
    ],
    ['the key itself', (tcp, key) => tcp.write(accepting(key).replace(acceptOf(key), key))],
    ['no accept value', (tcp, key) => without(`Sec-WebSocket-Accept: ${acceptOf(key)}`)(tcp, key)],
    ['no Upgrade', without('Upgrade: websocket')],
    ['another Upgrade', instead('Upgrade: websocket', 'Upgrade: h2c')],
    ['no Connection', without('Connection: Upgrade')],
    ['another Connection', instead('Connection: Upgrade', 'Connection: close')],
    [
      'a subprotocol that was not offered',
      instead('Connection: Upgrade', 'Connection: Upgrade\r\nSec-WebSocket-Protocol: x'),
    ],
    [
      'an extension that was not offered',
      instead('Connection: Upgrade', 'Connection: Upgrade\r\nSec-WebSocket-Extensions: permessage-deflate'),
    ],
    ['what is no HTTP', (tcp) => tcp.write('SSH-2.0-OpenSSH_9.2\r\n')],
    ['half of it, then the end', (tcp, key) => void tcp.socket.end(accepting(key).slice(0, 60))],
    ['nothing, then the end', (tcp) => void tcp.socket.end()],
  ])('with %s is no success, and the connection is dropped', async (_what, answer) => {
    await using met = await meet(answer);
    const rejection = await met.connection.connect().catch((error: unknown) => error);

    expect(['CONNECT_FAILED', 'UPGRADE_REJECTED']).toContain((rejection as ConnectionError).code);
    expect([met.connection.state, met.messages]).toEqual(['failed', []]);
    await met.server.connections[0]!.ended();
  });

  it.each([200, 301, 400, 401, 404, 426, 503])('of %i is told with its status', async (status) => {
    await using met = await meet((tcp) => tcp.write(`HTTP/1.1 ${status} X\r\nContent-Length: 0\r\n\r\n`));
    const rejection = await met.connection.connect().catch((error: unknown) => error);

    expect(rejection).toMatchObject({ code: 'UPGRADE_REJECTED', details: { httpStatus: status } });
    await met.server.connections[0]!.ended();
    expect(met.server.connections).toHaveLength(1);
  });
});

describe('what the client sends', () => {
  it('is masked, each frame with a mask of its own, and in the shortest form', async () => {
    await using met = await open();
    const sizes = [0, 1, 125, 126, 65_535, 65_536];
    const sent = sizes.flatMap((size) => ['x'.repeat(size), Buffer.alloc(size, 0x5a)]);
    for (const message of sent) met.connection.send(message);
    const received = await sentBy(met.tcp, sent.length);

    expect(received.map(({ first, lengthBytes }) => [first, lengthBytes])).toEqual(
      [0, 0, 0, 2, 2, 8].flatMap((lengthBytes) => [
        [0x81, lengthBytes],
        [0x82, lengthBytes],
      ]),
    );
    expect(received.map(({ payload }) => payload.toString('hex'))).toEqual(
      sent.map((message) => Buffer.from(message as string).toString('hex')),
    );
    expect(new Set(received.map(({ mask }) => mask)).size).toBe(sent.length);
    expect(received.every(({ mask }) => mask.length === 8)).toBe(true);
  });

  it('answers pings with their payload, also between fragments', async () => {
    await using met = await open();
    met.tcp.write(
      bare(0x89),
      bare(0x01, 'a'),
      bare(0x89, 'test payload'),
      bare(0x80, 'b'),
      bare(0x89, Buffer.alloc(125, 0xff)),
    );
    const pongs = await sentBy(met.tcp, 3);

    expect(pongs.map(({ first, payload }) => [first, payload.toString('hex')])).toEqual([
      ...[
        [0x8a, ''],
        [0x8a, Buffer.from('test payload').toString('hex')],
        [0x8a, 'ff'.repeat(125)],
      ],
    ]);
    expect(pongs.every(({ mask }) => mask.length === 8)).toBe(true);
    expect(met.messages).toEqual(['ab']);
  });
});

const TEXT = Buffer.from('aé€🚀');

describe('what the client receives', () => {
  it('is put together wherever it is cut, and with any form of its length', async () => {
    await using met = await open();
    const cuts = Array.from({ length: TEXT.length + 1 }, (_, at) => at);
    met.tcp.write(...cuts.flatMap((at) => [bare(0x01, TEXT.subarray(0, at)), bare(0x80, TEXT.subarray(at))]));
    const sizes = [0, 125, 126, 65_535, 65_536];
    met.tcp.write(...sizes.map((size) => bare(0x82, Buffer.alloc(size, 1))));
    await until(() => met.messages.length === cuts.length + sizes.length);

    expect(met.messages.slice(0, cuts.length)).toEqual(cuts.map(() => TEXT.toString()));
    expect(met.messages.slice(cuts.length).map(({ length }) => length)).toEqual(sizes);
  });

  it('may come byte by byte', async () => {
    await using met = await open();
    await met.tcp.writeByteByByte(Buffer.concat([bare(0x01, 'aé'), bare(0x80, '€🚀'), bare(0x82, 'next')]));
    await until(() => met.messages.length === 2);
    expect(met.messages).toEqual(['aé€🚀', Buffer.from('next')]);
  });

  it.each<[string, Buffer[], number, string]>([
    ['is masked', [frame(0x81, 'a')], 1002, 'WS_ERR_UNEXPECTED_MASK'],
    ['is masked with zeros', [frame(0x81, 'a', { mask: Buffer.alloc(4) })], 1002, 'WS_ERR_UNEXPECTED_MASK'],
    ['is a masked ping', [frame(0x89)], 1002, 'WS_ERR_UNEXPECTED_MASK'],
    ['says it is compressed', [bare(0xc1, 'a')], 1002, 'WS_ERR_UNEXPECTED_RSV_1'],
    ['has the second reserved bit', [bare(0xa1, 'a')], 1002, 'WS_ERR_UNEXPECTED_RSV_2_3'],
    ['has the third reserved bit', [bare(0x91, 'a')], 1002, 'WS_ERR_UNEXPECTED_RSV_2_3'],
    ['has an opcode that means nothing', [bare(0x83, 'a')], 1002, 'WS_ERR_INVALID_OPCODE'],
    ['has a control opcode that means nothing', [bare(0x8b, 'a')], 1002, 'WS_ERR_INVALID_OPCODE'],
    ['continues nothing', [bare(0x80, 'a')], 1002, 'WS_ERR_INVALID_OPCODE'],
    ['interrupts a message', [bare(0x01, 'a'), bare(0x81, 'b')], 1002, 'WS_ERR_INVALID_OPCODE'],
    ['is a ping in fragments', [bare(0x09, 'a')], 1002, 'WS_ERR_EXPECTED_FIN'],
    ['is a ping of 126 bytes', [bare(0x89, 'x'.repeat(126))], 1002, 'WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH'],
    ['is half a close code', [bare(0x88, 'x')], 1002, 'WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH'],
    ['closes with 1005', [bare(0x88, closePayload(1005))], 1002, 'WS_ERR_INVALID_CLOSE_CODE'],
    ['closes with 1006', [bare(0x88, closePayload(1006))], 1002, 'WS_ERR_INVALID_CLOSE_CODE'],
    ['closes with 1015', [bare(0x88, closePayload(1015))], 1002, 'WS_ERR_INVALID_CLOSE_CODE'],
    ['closes with 999', [bare(0x88, closePayload(999))], 1002, 'WS_ERR_INVALID_CLOSE_CODE'],
    ['closes with 5000', [bare(0x88, closePayload(5000))], 1002, 'WS_ERR_INVALID_CLOSE_CODE'],
    [
      'has a reason that is no UTF-8',
      [bare(0x88, closePayload(1000, Buffer.of(0xff)))],
      1007,
      'WS_ERR_INVALID_UTF8',
    ],
    ['is no UTF-8', [bare(0x81, Buffer.of(0xff, 0xfe, 0xfd))], 1007, 'WS_ERR_INVALID_UTF8'],
    ['is a surrogate', [bare(0x81, Buffer.of(0xed, 0xa0, 0x80))], 1007, 'WS_ERR_INVALID_UTF8'],
    ['is too large', [bare(0x82, Buffer.alloc(1_001))], 1009, 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH'],
    [
      'is too large in fragments',
      [bare(0x02, Buffer.alloc(1_000)), bare(0x80, 'x')],
      1009,
      'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH',
    ],
  ])('that %s is told the server, and ends the connection', async (_what, bytes, code, cause) => {
    await using met = await open({ webSocket: { maxPayloadBytes: 1_000 } });
    met.tcp.write(...bytes, bare(0x81, 'not heard any more'));
    const [said] = await sentBy(met.tcp, 1);
    met.tcp.socket.end();
    const failure = await met.failed();

    expect([said!.first, said!.payload.toString('hex')]).toEqual([0x88, closePayload(code).toString('hex')]);
    expect(failure).toMatchObject({ code: 'LINK_LOST', cause: { code: cause } });
    expect(met.messages).toEqual([]);
    expect(met.connection.stats).toMatchObject({ lastCloseCode: 1006, lastCloseReason: '' });
  });
});

describe('the end that the server makes', () => {
  it.each([
    ['a code and a reason', closePayload(4001, 'größer'), 4001, 'größer'],
    ['a code', closePayload(1001), 1001, ''],
    ['the first code of a library', closePayload(3000), 3000, ''],
    ['no code', Buffer.alloc(0), 1005, ''],
  ])('with %s is answered with the same, and told', async (_what, payload, code, reason) => {
    await using met = await open();
    met.tcp.write(bare(0x81, 'before'), bare(0x88, payload), bare(0x81, 'after'));
    const [said] = await sentBy(met.tcp, 1);
    met.tcp.socket.end();
    const failure = await met.failed();

    expect([said!.first, said!.payload.toString('hex')]).toEqual([0x88, payload.toString('hex')]);
    expect(failure).toMatchObject({
      code: 'CLOSED_BY_PEER',
      details: { closeCode: code, ...(reason !== '' && { closeReason: reason }) },
    });
    expect(met.messages).toEqual(['before']);
    expect(met.connection.stats).toMatchObject({ lastCloseCode: code, lastCloseReason: reason });
  });

  it.each(['FIN', 'RST'])('without a close frame, by %s, is told as 1006', async (how) => {
    await using met = await open();
    if (how === 'FIN') met.tcp.socket.end();
    else met.tcp.socket.resetAndDestroy();
    const failure = await met.failed();

    expect(failure.code).toBe('LINK_LOST');
    expect(met.connection.stats).toMatchObject({ lastCloseCode: 1006, lastCloseReason: '' });
  });

  it('comes after the messages before it, though all of it came with the answer to the request', async () => {
    await using met = await meet((tcp, key) => {
      tcp.write(accepting(key), bare(0x81, 'first'), bare(0x81, 'last'), bare(0x88, closePayload(4000)));
      tcp.socket.end();
    });
    await met.connection.connect().catch(() => undefined);
    await met.failed();
    expect(met.messages).toEqual(['first', 'last']);
    expect(met.connection.stats).toMatchObject({ lastCloseCode: 4000, messagesIn: 2 });
  });

  it('in the middle of a frame or of a message leaves no message', async () => {
    for (const bytes of [bare(0x81, 'HelloWorld').subarray(0, -4), bare(0x01, 'part')]) {
      await using met = await open();
      met.tcp.write(bytes);
      met.tcp.socket.end();
      expect((await met.failed()).code).toBe('LINK_LOST');
      expect(met.messages).toEqual([]);
    }
  });
});

describe('the end that the client makes', () => {
  it.each([
    ['the same', closePayload(1000), 1000, ''],
    ['another code', closePayload(4000, 'mine'), 4000, 'mine'],
    ['no code', Buffer.alloc(0), 1005, ''],
  ])('is a masked close frame, and waits for the answer: %s', async (_what, payload, code, reason) => {
    await using met = await open();
    met.connection.send('last');
    const ending = met.connection.disconnect();
    const [last, said] = await sentBy(met.tcp, 2);
    met.tcp.write(bare(0x88, payload));
    met.tcp.socket.end();
    await ending;

    expect([last!.payload.toString(), said!.first, said!.mask.length]).toEqual(['last', 0x88, 8]);
    expect(said!.payload).toEqual(closePayload(1000));
    expect(met.closes).toEqual([{ closeCode: code, closeReason: reason }]);
    expect(framesOf(met.tcp.bytes)).toHaveLength(2);
  });
});
