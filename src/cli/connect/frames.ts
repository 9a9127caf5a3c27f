// The protocol of a client that knows nothing of its server: frames as they are, and perhaps one that goes first.
import type { Protocol } from '../../protocols/protocol.ts';
import type { Frame } from '../../transports/transport.ts';

export type FrameProtocol = Protocol<Frame, string, Frame | undefined, string | undefined>;

export const frames: FrameProtocol = {
  name: 'frames',
  heartbeat: { probe: 'ping' },
  encode: (line) => line,
  decode: (frame) => frame,
};

/** Sends the credentials as they are, and takes the server's first answer, whatever it says, for a welcome. */
export const framesAfterAuthentication: FrameProtocol = {
  ...frames,
  handshake: (authFrame) => ({
    opening: authFrame === undefined ? [] : [authFrame],
    receive: (answer) => ({ status: 'accepted', welcome: answer }),
  }),
};
