import { WebSocket } from 'ws';
import { afterEach, describe, expect, expectTypeOf, it, vi } from 'vitest';
import { InvalidOptionError } from '../../src/errors.ts';
import { VirtualClock } from '../../src/testing/index.ts';
import {
  fitReason,
  nativeWebSocket,
  type WebSocketConstructor,
  type WebSocketLike,
} from '../../src/transports/websocket-native.ts';
import { describeTransport } from './contract.ts';
import { dial } from './heard.ts';

describeTransport('native', () => nativeWebSocket({ WebSocket }));

/** A browser's socket as far as its rules go; a test plays the network. */
class BrowserSocket implements WebSocketLike {
  binaryType = 'blob';
  readyState = 0;
  bufferedAmount = 0;
  protocol = '';
  onopen: ((event: object) => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onerror: ((event: object) => void) | null = null;
  onclose: ((event: { code: number; reason: string; wasClean: boolean }) => void) | null = null;
  readonly closedWith: unknown[] = [];

  open(): void {
    this.readyState = 1;
    this.onopen?.({});
  }

  send(data: string | Uint8Array): void {
    this.bufferedAmount += Buffer.byteLength(data);
  }

  close(...codeAndReason: unknown[]): void {
    this.readyState = 2;
    this.closedWith.push(codeAndReason);
  }

  lose(): void {
    this.readyState = 3;
    this.onerror?.({});
    this.onclose?.({ code: 1006, reason: '', wasClean: false });
  }
}

function openBrowserLink() {
  const socket = new BrowserSocket();
  const clock = new VirtualClock();
  const { link, heard } = dial(nativeWebSocket({ createWebSocket: () => socket }), {
    url: 'ws://browser',
    clock,
  });
  clock.advance(7);
  socket.open();
  return { socket, clock, link, heard };
}

describe('a link over a browser socket', () => {
  it('tells how long opening took, and nothing of its parts', () => {
    const { heard } = openBrowserLink();

    expect(heard.timings).toEqual({ totalMs: 7 });
  });

  it('asks for array buffers and delivers them as bytes', () => {
    const { socket, heard } = openBrowserLink();

    socket.onmessage?.({ data: Uint8Array.of(1, 2).buffer });

    expect(socket.binaryType).toBe('arraybuffer');
    expect(heard.frames).toEqual([Uint8Array.of(1, 2)]);
  });

  it('can neither ping nor pause', () => {
    const { link } = openBrowserLink();

    expect(['ping', 'pause', 'resume'].filter((name) => name in link)).toEqual([]);
  });

  it('looks at the buffer every 20 ms, only while someone waits', () => {
    const { socket, clock, link } = openBrowserLink();
    const log: unknown[] = [];
    link.send('ä');
    expect(clock.pending).toBe(0);

    link.send('1234', (error) => log.push(['first', error]));
    link.send('12345678', (error) => log.push(['second', error]));
    clock.advance(0);
    expect([log, clock.nextInMs]).toEqual([[], 20]);
    socket.bufferedAmount = 8;
    clock.advance(20);
    expect([log, clock.nextInMs]).toEqual([[['first', undefined]], 20]);
    link.whenDrained(() => log.push('drained'));
    link.send('not waited for');
    socket.bufferedAmount = 14;
    clock.advance(20);

    expect(log).toEqual([['first', undefined], ['second', undefined], 'drained']);
    expect(clock.pending).toBe(0);
  });

  it('reports as lost what was in the buffer at the end, and looks no more', () => {
    const { socket, clock, link, heard } = openBrowserLink();
    const log: unknown[] = [];
    link.send('lost', (error) => log.push(error));
    link.whenDrained(() => log.push('drained'));

    socket.lose();

    expect(log).toEqual([expect.any(Error)]);
    expect(heard.ends).toEqual([{ closeCode: 1006, closeReason: '' }]);
    expect(clock.pending).toBe(0);
  });

  it('waits for nothing after its end', () => {
    const { socket, clock, link } = openBrowserLink();
    const log: unknown[] = [];

    socket.lose();
    link.whenDrained(() => log.push('drained'));

    expect([log, clock.pending]).toEqual([[], 0]);
  });

  it('reports as left what had left before a clean end, though nobody had looked', () => {
    const { socket, link } = openBrowserLink();
    const log: unknown[] = [];
    link.send('left', (error) => log.push(error));

    socket.bufferedAmount = 0;
    socket.onclose?.({ code: 1000, reason: '', wasClean: true });

    expect(log).toEqual([undefined]);
  });

  it('wakes nobody who waits after someone else has terminated the link', async () => {
    const { socket, clock, link } = openBrowserLink();
    const log: unknown[] = [];
    link.whenDrained(() => {
      link.terminate();
    });
    link.whenDrained(() => log.push('drained'));
    socket.bufferedAmount = 0;

    clock.advance(20);
    await Promise.resolve();

    expect([log, clock.pending]).toEqual([[], 0]);
  });

  it.each([
    [1000, 1000],
    [3000, 3000],
    [4999, 4999],
    [1001, 1000],
    [1011, 1000],
    [2999, 1000],
    [5000, 1000],
  ])('closes with %i as %i, because browsers throw for other codes', (code, sent) => {
    const { socket, link } = openBrowserLink();

    link.close(code, 'reason');

    expect(socket.closedWith).toEqual([[sent, 'reason']]);
  });

  it('survives a socket that will not be closed when it is terminated', () => {
    const { socket, link } = openBrowserLink();
    socket.close = () => {
      throw new Error('not now');
    };

    link.terminate();
    link.send('not any more');

    expect([socket.onopen, socket.onmessage, socket.onclose]).toEqual([null, null, null]);
    expect(socket.bufferedAmount).toBe(0);
  });

  it('keeps the error that some platforms tell', () => {
    const { socket, heard } = openBrowserLink();
    const error = new Error('cause');

    socket.onerror?.({ error });
    socket.lose();

    expect(heard.ends).toEqual([{ closeCode: 1006, closeReason: '', error }]);
  });
});

describe('the options of the native transport', () => {
  afterEach(() => {
    vi.unstubAllGlobals();
  });

  it('takes the class of a browser and of ws', () => {
    expectTypeOf<typeof globalThis.WebSocket>().toExtend<WebSocketConstructor>();
    expectTypeOf<typeof WebSocket>().toExtend<WebSocketConstructor>();
  });

  it('gives url and subprotocols to the class, or to the function, which wins', () => {
    const calls: unknown[] = [];
    class Recorded extends BrowserSocket {
      constructor(url: string, protocols?: string[]) {
        super();
        calls.push(['class', url, protocols]);
      }
    }
    const createWebSocket = (url: string, protocols: string[]): BrowserSocket => {
      calls.push(['function', url, protocols]);
      return new BrowserSocket();
    };
    const target = { url: 'ws://somewhere/path', subprotocols: ['a', 'b'] };

    dial(nativeWebSocket({ WebSocket: Recorded }), target);
    dial(nativeWebSocket({ WebSocket: Recorded, createWebSocket }), target);
    vi.stubGlobal('WebSocket', Recorded);
    dial(nativeWebSocket(), target);

    const args = [target.url, target.subprotocols];
    expect(calls).toEqual([
      ['class', ...args],
      ['function', ...args],
      ['class', ...args],
    ]);
  });

  it('throws where there is no WebSocket at all, and says what to do', () => {
    vi.stubGlobal('WebSocket', undefined);

    expect(() => nativeWebSocket()).toThrow(InvalidOptionError);
    expect(() => nativeWebSocket()).toThrow(
      'Expected `webSocket.WebSocket` to be a WebSocket class, because this platform has no global one ' +
        '(or give webSocket.createWebSocket), got undefined.',
    );
  });

  it('throws for what is no class and no function', () => {
    const no = 'no' as unknown as never;

    expect(() => nativeWebSocket({ WebSocket: no })).toThrow(InvalidOptionError);
    expect(() => nativeWebSocket({ createWebSocket: no })).toThrow(InvalidOptionError);
  });
});

describe('a close reason', () => {
  it.each([
    ['', ''],
    ['x'.repeat(123), 'x'.repeat(123)],
    ['x'.repeat(124), 'x'.repeat(123)],
    ['𝄞'.repeat(31), '𝄞'.repeat(30)],
    [`${'x'.repeat(122)}é`, 'x'.repeat(122)],
  ])('%# is cut to 123 bytes between characters', (reason, fitted) => {
    expect(fitReason(reason)).toBe(fitted);
  });
});
