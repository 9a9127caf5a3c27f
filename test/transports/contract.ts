// What every WebSocket transport promises, as a suite over one of them.
import { describe, expect, it } from 'vitest';
import { PuppetServer, until } from '../../src/testing/index.ts';
import type { Transport } from '../../src/transports/transport.ts';
import { quiet } from '../testing/leftovers.ts';
import { dial, openPair } from './heard.ts';
import { listenRaw, textFrame } from './raw-server.ts';

/** More than the kernel's buffers of both ends take. */
const TOO_MUCH_BYTES = 16 * 1024 * 1024;

export function describeTransport(name: string, create: () => Transport): void {
  describe(`the ${name} transport`, () => {
    describeOpening(create);
    describeMessages(create);
    describeAccounts(create);
    describeEnds(create);
    describeClose(create);
    describeTerminate(create);
  });
}

function describeOpening(create: () => Transport): void {
  it('tells the subprotocol that the server chose, and how long opening took', async () => {
    let nowMs = 0;
    const clock = { now: () => nowMs++, setTimeout: () => undefined, clearTimeout: () => undefined };
    await using pair = await openPair(create(), { subprotocols: ['one', 'two'], clock });

    expect(pair.peer.request.headers['sec-websocket-protocol']?.split(/, ?/)).toEqual(['one', 'two']);
    expect(pair.heard.subprotocol).toBe('one');
    expect(pair.heard.timings?.totalMs).toBeGreaterThan(0);
  });

  it('throws for a URL and for a subprotocol that cannot be used', () => {
    expect(() => dial(create(), { url: 'nonsense' })).toThrow(SyntaxError);
    expect(() => dial(create(), { url: 'ws://127.0.0.1/', subprotocols: ['not a token'] })).toThrow(
      SyntaxError,
    );
  });

  it('delivers after opened what came in one packet with the 101 response', async () => {
    await using server = await listenRaw((socket, accepting) => {
      socket.write(Buffer.concat([accepting, textFrame('first'), textFrame('second')]));
    });

    const { link, heard } = dial(create(), { url: server.url });
    await until(() => heard.frames.length === 2);
    link.terminate();

    expect(heard.log).toEqual(['opened', 'received', 'received']);
    expect(heard.frames).toEqual(['first', 'second']);
  });

  it('delivers a message that comes together with the end of the stream, then ends', async () => {
    await using server = await listenRaw((socket, accepting) => {
      socket.end(Buffer.concat([accepting, textFrame('last words')]));
    });

    const { heard } = dial(create(), { url: server.url });
    await heard.end();

    expect(heard.log).toEqual(['opened', 'received', 'ended']);
    expect(heard.frames).toEqual(['last words']);
  });
}

function describeMessages(create: () => Transport): void {
  it('receives text as strings and binary as bytes', async () => {
    await using pair = await openPair(create());
    const long = 'ä€𝄞'.repeat(50_000);

    for (const message of ['', 'plain', long]) pair.peer.send(message);
    pair.peer.send(Uint8Array.of());
    pair.peer.send(Uint8Array.of(0, 127, 255));
    await until(() => pair.heard.frames.length === 5);

    const [empty, plain, received, ...binary] = pair.heard.frames;
    expect([empty, plain]).toEqual(['', 'plain']);
    expect(received === long).toBe(true);
    expect(binary.map((frame) => frame instanceof Uint8Array && [...frame])).toEqual([[], [0, 127, 255]]);
  });

  it('sends strings as text and bytes as binary, and leaves the bytes as they were', async () => {
    await using pair = await openPair(create());
    const long = 'ä€𝄞'.repeat(50_000);
    const bytes = Uint8Array.of(9, 0, 127, 255, 9);

    for (const message of ['', 'plain', 'ä€𝄞', long]) pair.link.send(message);
    pair.link.send(Uint8Array.of());
    pair.link.send(bytes.subarray(1, 4));
    await until(() => pair.peer.frames.length === 6);

    const expected = ['', 'plain', 'ä€𝄞', long, Uint8Array.of(), Uint8Array.of(0, 127, 255)];
    expect(pair.peer.frames.map((frame, n) => Buffer.from(frame).equals(Buffer.from(expected[n]!)))).toEqual(
      Array(6).fill(true),
    );
    expect(pair.peer.frames.map((frame) => typeof frame)).toEqual([
      ...['string', 'string', 'string', 'string'],
      ...['object', 'object'],
    ]);
    expect([...bytes]).toEqual([9, 0, 127, 255, 9]);
  });

  it('keeps the order of messages of every size, in and across turns', async () => {
    await using pair = await openPair(create());
    const sent: string[] = [];
    const sendOne = (): void => {
      const message = `${sent.length}:${'x'.repeat((sent.length * 37) % 500)}`;
      sent.push(message);
      pair.link.send(message);
    };

    sendOne();
    await quiet();
    for (let burst = 0; burst < 20; burst += 1) {
      for (let n = 0; n < burst; n += 1) sendOne();
      await Promise.resolve();
      sendOne();
      await new Promise(setImmediate);
    }
    await until(() => pair.peer.frames.length === sent.length);

    expect(pair.peer.frames).toEqual(sent);
  });

  it('ignores a message before the link is open and after its end, and says so to who asked', async () => {
    await using server = await PuppetServer.listen();
    const { link, heard } = dial(create(), { url: server.url });
    const outcomes: unknown[] = [];
    const flushed = (error?: unknown): void => void outcomes.push(error);

    link.send('too early', flushed);
    link.send('too early');
    const peer = await server.accept();
    await until(() => heard.log.includes('opened'));
    peer.close(1000);
    await heard.end();
    link.send('too late', flushed);
    link.send('too late');
    await until(() => outcomes.length === 2);
    await peer.closed();

    expect(outcomes).toEqual([expect.any(Error), expect.any(Error)]);
    expect(peer.frames).toEqual([]);
  });
}

function describeAccounts(create: () => Transport): void {
  it('says when a message has left', async () => {
    await using pair = await openPair(create());
    const outcomes: unknown[] = [];

    pair.link.send('short', (error) => outcomes.push(error));
    pair.link.send(new Uint8Array(100_000), (error) => outcomes.push(error));
    await until(() => outcomes.length === 2);

    expect(outcomes).toEqual([undefined, undefined]);
    expect(pair.link.bufferedBytes).toBe(0);
  });

  it.each(['the link is terminated', 'the peer resets it'])(
    'says once of each message that has not left that it never will when %s',
    async (event) => {
      await using pair = await openPair(create());
      const outcomes: unknown[] = [];
      pair.peer.freeze();

      pair.link.send(new Uint8Array(TOO_MUCH_BYTES), (error) => outcomes.push(error));
      pair.link.send('behind it', (error) => outcomes.push(error));
      await quiet();
      expect(outcomes).toEqual([]);
      if (event === 'the peer resets it') pair.peer.reset();
      else pair.link.terminate();
      await until(() => outcomes.length === 2);
      await quiet();

      expect(outcomes).toEqual([expect.any(Error), expect.any(Error)]);
    },
  );

  it('calls back once when all that was handed over has left', async () => {
    await using pair = await openPair(create());
    let drained = 0;
    pair.peer.freeze();
    pair.link.send(new Uint8Array(TOO_MUCH_BYTES));
    pair.link.send('behind it');
    pair.link.whenDrained(() => (drained += 1));
    await quiet();
    expect([drained, pair.link.bufferedBytes > 0]).toEqual([0, true]);

    pair.peer.thaw();
    await until(() => drained > 0);
    await until(() => pair.peer.frames.length === 2);
    await quiet();

    expect([drained, pair.link.bufferedBytes]).toEqual([1, 0]);
  });

  it('calls back soon when there is nothing to wait for', async () => {
    await using pair = await openPair(create());
    let drained = 0;

    pair.link.whenDrained(() => (drained += 1));
    expect(drained).toBe(0);
    await until(() => drained === 1);
  });

  it('does not call back before the link is open', async () => {
    await using server = await PuppetServer.listen();
    const { link, heard } = dial(create(), { url: server.url });
    let drained = 0;

    link.whenDrained(() => (drained += 1));
    const upgrade = await server.upgrade();
    link.whenDrained(() => (drained += 1));
    upgrade.accept();
    await until(() => heard.log.includes('opened'));
    await quiet();
    link.terminate();

    expect(drained).toBe(0);
  });

  it('does not call back when the link is terminated in the same turn', async () => {
    await using pair = await openPair(create());
    let drained = 0;

    pair.link.whenDrained(() => (drained += 1));
    pair.link.terminate();
    await until(() => pair.server.connections === 0);
    await quiet();

    expect(drained).toBe(0);
  });

  it.each(['terminated', 'ended'])('does not call back once the link has %s', async (how) => {
    await using pair = await openPair(create());
    let drained = 0;
    pair.peer.freeze();
    pair.link.send(new Uint8Array(TOO_MUCH_BYTES));
    pair.link.whenDrained(() => (drained += 1));

    if (how === 'terminated') pair.link.terminate();
    else pair.peer.reset();
    await until(() => how === 'terminated' || pair.heard.ends.length === 1);
    pair.link.whenDrained(() => (drained += 1));
    await quiet();

    expect(drained).toBe(0);
  });

  it('counts the bytes that move, and only those', async () => {
    await using pair = await openPair(create());
    const count = () => ({ in: pair.link.bytesIn, left: pair.link.bytesOut - pair.link.bufferedBytes });
    const atFirst = count();
    await quiet();
    expect(count()).toEqual(atFirst);

    pair.peer.send('x'.repeat(1_000));
    await until(() => pair.heard.frames.length === 1);
    const afterOneIn = count();
    expect([afterOneIn.in - atFirst.in >= 1_000, afterOneIn.left - atFirst.left]).toEqual([true, 0]);

    pair.link.send('x'.repeat(1_000));
    await until(() => pair.peer.frames.length === 1 && pair.link.bufferedBytes === 0);
    expect(count().left - afterOneIn.left).toBeGreaterThanOrEqual(1_000);
    expect(count().in).toBe(afterOneIn.in);
  });

  it('counts nothing as left while the peer takes nothing', async () => {
    await using pair = await openPair(create());
    pair.peer.freeze();
    pair.link.send(new Uint8Array(TOO_MUCH_BYTES));
    await quiet();
    const left = () => pair.link.bytesOut - pair.link.bufferedBytes;
    const before = left();

    pair.link.send('one more');
    pair.link.send('ä€𝄞'.repeat(100));
    await quiet();

    expect(left()).toBe(before);
  });
}

function describeEnds(create: () => Transport): void {
  it('ends with 1006 when nobody listens', async () => {
    const server = await PuppetServer.listen();
    await server.close();

    const { heard } = dial(create(), { url: server.url });
    await heard.end();
    await quiet();

    expect(heard.log).toEqual(['ended']);
    expect(heard.ends).toEqual([expect.objectContaining({ closeCode: 1006, closeReason: '' })]);
  });

  it('ends with 1006 when the upgrade is refused', async () => {
    await using server = await PuppetServer.listen();
    const { heard } = dial(create(), { url: server.url });

    (await server.upgrade()).refuse(503, { 'Retry-After': '7' });
    await heard.end();
    await until(() => server.connections === 0);
    await quiet();

    expect(heard.log).toEqual(['ended']);
    expect(heard.ends).toEqual([expect.objectContaining({ closeCode: 1006, closeReason: '' })]);
  });

  it('ends with 1006 when the stream ends without a close frame', async () => {
    await using pair = await openPair(create());

    pair.peer.drop();
    await pair.heard.end();
    await quiet();

    expect(pair.heard.log).toEqual(['opened', 'ended']);
    expect(pair.heard.ends).toEqual([{ closeCode: 1006, closeReason: '' }]);
  });

  it.each(['reset', 'drop'] as const)('delivers nothing of a frame cut short by a %s', async (cut) => {
    await using pair = await openPair(create());
    pair.peer.send('whole');
    await until(() => pair.heard.frames.length === 1);

    pair.peer.sendRaw(textFrame('half of this').subarray(0, 7));
    await quiet();
    pair.peer[cut]();
    await pair.heard.end();

    expect(pair.heard.frames).toEqual(['whole']);
    expect(pair.heard.ends).toEqual([expect.objectContaining({ closeCode: 1006, closeReason: '' })]);
  });

  it('tells the code and the reason of a close frame, after the messages before it', async () => {
    await using pair = await openPair(create());

    pair.peer.send('before');
    pair.peer.close(4001, 'größer');
    await pair.heard.end();
    await quiet();

    expect(pair.heard.log).toEqual(['opened', 'received', 'ended']);
    expect(pair.heard.ends).toEqual([{ closeCode: 4001, closeReason: 'größer' }]);
  });

  it('tells 1005 of a close frame without a code', async () => {
    await using pair = await openPair(create());

    pair.peer.close();

    expect(await pair.heard.end()).toEqual({ closeCode: 1005, closeReason: '' });
  });
}

function describeClose(create: () => Transport): void {
  it('sends what was handed over, then the close frame, and ends when the peer has answered', async () => {
    await using pair = await openPair(create());
    pair.peer.holdClose();
    const sent = Array.from({ length: 50 }, (_, n) => `message ${n}`);

    for (const message of sent) pair.link.send(message);
    pair.link.close(4002, 'enough');
    pair.link.send('not any more');
    const received = await until(() => pair.peer.closeReceived);
    await quiet();
    expect(pair.heard.log).toEqual(['opened']);
    pair.peer.answerClose();
    await pair.heard.end();

    expect(received).toEqual({ code: 4002, reason: 'enough' });
    expect(pair.peer.frames).toEqual(sent);
    expect(pair.heard.ends).toEqual([{ closeCode: 4002, closeReason: 'enough' }]);
  });

  it('replaces a code that must not be sent, and cuts a reason that is too long between characters', async () => {
    await using pair = await openPair(create());

    pair.link.close(1006, '€'.repeat(60));
    const received = await pair.peer.closed();

    // RFC 6455 §5.5: 125 bytes for a control frame, two of them for the code.
    expect(received).toEqual({ code: 1000, reason: '€'.repeat(41) });
  });

  it('gives an attempt up', async () => {
    await using server = await PuppetServer.listen();
    const { link, heard } = dial(create(), { url: server.url });
    await server.upgrade();

    link.close(1000, '');
    await heard.end();

    expect(heard.log).toEqual(['ended']);
    expect(heard.ends).toEqual([expect.objectContaining({ closeCode: 1006 })]);
  });

  it('does nothing after the end', async () => {
    await using pair = await openPair(create());
    pair.peer.close(1000);
    await pair.heard.end();

    pair.link.close(1000, '');
    await quiet();

    expect(pair.heard.log).toEqual(['opened', 'ended']);
  });
}

function describeTerminate(create: () => Transport): void {
  it('drops an attempt at once and silently, before and after the server has seen it', async () => {
    await using server = await PuppetServer.listen();
    const unseen = dial(create(), { url: server.url });
    unseen.link.terminate();

    const seen = dial(create(), { url: server.url });
    await server.upgrade();
    seen.link.terminate();
    seen.link.terminate();
    await until(() => server.connections === 0);
    await quiet();

    expect([unseen.heard.log, seen.heard.log]).toEqual([[], []]);
  });

  it('drops an open link at once and silently, in the middle of a batch', async () => {
    await using pair = await openPair(create());
    pair.heard.onReceived = () => {
      pair.link.terminate();
    };

    pair.peer.sendRaw(Buffer.concat([textFrame('first'), textFrame('second')]));
    await until(() => pair.server.connections === 0);
    pair.link.send('into the void');
    pair.link.close(1000, '');
    pair.link.terminate();
    await quiet();

    expect(pair.heard.log).toEqual(['opened', 'received']);
  });

  it('is silent when it is called the moment the link opens', async () => {
    await using server = await PuppetServer.listen({ autoAccept: true });
    const { link, heard } = dial(create(), { url: server.url });
    heard.onOpened = () => {
      link.terminate();
    };

    (await server.accept()).send('never heard');
    await until(() => server.connections === 0);
    await quiet();

    expect(heard.log).toEqual(['opened']);
  });

  it('is silent after the end, and while a closing handshake is under way', async () => {
    await using pair = await openPair(create());
    pair.peer.holdClose();
    pair.link.close(1000, '');
    await until(() => pair.peer.closeReceived);

    pair.link.terminate();
    await quiet();
    pair.peer.answerClose();
    await quiet();

    expect(pair.heard.log).toEqual(['opened']);
  });
}
