// The farewell: what still waits is handed over, the protocol says goodbye, the close frame is sent.
// It lives as long as the state `closing`; that state's time limit is what bounds it.
import type { World } from '../world.ts';

export const farewellActor =
  <Incoming, Outgoing, Welcome, Credentials>(world: World<Incoming, Outgoing, Welcome, Credentials>) =>
  (): void => {
    const { protocol, outbox, wire, report } = world;
    const { link, session } = wire;
    if (link === undefined) return;
    // A server that has not accepted us yet is owed nothing but the close frame, and has nothing more to say.
    wire.handshake?.abandon();
    if (session !== undefined) outbox.flushTo(link);
    outbox.refuse('closing');
    try {
      if (session !== undefined) for (const frame of protocol.farewell?.() ?? []) link.send(frame);
    } catch (thrown) {
      report('PROTOCOL_FAILED', 'protocol', thrown);
    }
    const { code, reason } = protocol.closeWith ?? { code: 1000, reason: '' };
    link.close(code, reason);
  };
