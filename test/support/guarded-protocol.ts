// A protocol with everything that a protocol can have: a password, a welcome, a heartbeat, a farewell.
import type { Handshake, Protocol } from '../../src/index.ts';
import type { ServerScript } from '../../src/testing/path-walker.ts';

export interface Message {
  readonly type: string;
  readonly [key: string]: unknown;
}

export interface Welcome {
  readonly session: string;
}

const parse = (frame: string | Uint8Array) => JSON.parse(String(frame)) as Message;

export const guarded: Protocol<Message, Message, Welcome, string> = {
  name: 'guarded',
  heartbeat: { probe: 'ping' },
  handshake: (password): Handshake<Message, Welcome> => ({
    opening: [JSON.stringify({ type: 'hello', password })],
    receive: (frame) => {
      const { type, session } = parse(frame);
      if (type === 'welcome') return { status: 'accepted', welcome: { session: String(session) } };
      return {
        status: 'rejected',
        cure: type === 'expired' ? 'refresh' : 'stop',
        explanation: type,
        payload: parse(frame),
      };
    },
  }),
  encode: (message) => JSON.stringify(message),
  decode: parse,
  farewell: () => [JSON.stringify({ type: 'goodbye' })],
};

export const guardedScript: ServerScript = {
  accept: async (socket) => {
    await socket.nextFrame();
    socket.send({ type: 'welcome', session: 'one' });
  },
  reject: async (socket) => {
    await socket.nextFrame();
    socket.send({ type: 'rejected' });
  },
};
