// The farewell: what still waits is handed over, the protocol says goodbye, the close frame is sent.
// It lives as long as the state `closing`; that state's time limit is what bounds it.
import type { Outbox } from '../outbox.ts';
import type { Protocol } from '../protocols/protocol.ts';
import type { Wire } from '../wire.ts';

export interface FarewellWorld<Incoming, Outgoing, Welcome> {
  readonly protocol: Pick<Protocol<Incoming, Outgoing, Welcome>, 'farewell' | 'closeWith'>;
  readonly outbox: Outbox<Incoming, Outgoing>;
  readonly wire: Wire<Incoming, Welcome>;
  readonly report: (thrown: unknown) => void;
}

export const farewellActor =
  <Incoming, Outgoing, Welcome>(world: FarewellWorld<Incoming, Outgoing, Welcome>) =>
  (): void => {
    const { protocol, outbox, wire, report } = world;
    const { link, session } = wire;
    if (link === undefined) return;
    // A server that has not accepted us yet is owed nothing but the close frame, and has nothing more to say.
    wire.handshake?.abandon();
    try {
      if (session !== undefined) {
        outbox.flushTo(link);
        for (const frame of protocol.farewell?.() ?? []) link.send(frame);
      }
    } catch (thrown) {
      report(thrown);
    }
    const { code, reason } = protocol.closeWith ?? { code: 1000, reason: '' };
    link.close(code, reason);
  };
