// Channels as a protocol: envelopes in, frames out. Nobody speaks first, and what must be said again after a reconnect the
// client says itself, because it alone knows its subscriptions.
import { textOfFrame } from '../protocols/text.ts';
import type { Protocol } from '../protocols/protocol.ts';
import type { Frame } from '../transports/transport.ts';
import { CONTROL_CHANNEL, controlFrame, readEnvelope, readReply, type Envelope } from './wire.ts';

/** A frame to be sent, and the id by which a hub acknowledges it. */
export interface OutgoingFrame {
  readonly frame: string;
  readonly messageId?: string;
}

/** What the protocol asks of its client. */
export interface ChannelWorld {
  /** Whether the server is a hub, as far as is known. */
  isHub(): boolean;
  /** What is said before the close frame. */
  farewell(): readonly Frame[];
}

const PING = controlFrame({ action: 'ping' });

export const channelProtocol = (world: ChannelWorld): Protocol<Envelope, OutgoingFrame> => ({
  name: 'channels',
  heartbeat: {
    probe: 'ping',
    insteadOfPing: () => (world.isHub() ? PING : undefined),
  },
  encode: ({ frame }) => frame,
  decode: (frame) => readEnvelope(textOfFrame(frame)),
  farewell: () => world.farewell(),
  acknowledgements: {
    idOf: ({ messageId }) => messageId,
    acknowledgedBy: publishedIn,
  },
});

function publishedIn({ channel, payload }: Envelope): string | undefined {
  if (channel !== CONTROL_CHANNEL) return undefined;
  try {
    const reply = readReply(payload);
    return reply?.action === 'published' ? reply.message_id : undefined;
  } catch {
    // The client logs a reply that cannot be read; it acknowledges nothing.
    return undefined;
  }
}
