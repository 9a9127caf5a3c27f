// A session may be revoked in a message, where others close: this says so to the connection in the words of a close.
import type { Transport } from '../transports/transport.ts';

/** "Unauthorized" in the table of close codes: the connection asks for fresh credentials and dials again. */
const UNAUTHORIZED = 4401;

export interface RevocableTransport extends Transport {
  /** Ends the present session as if the server had closed it with 4401. Without one nothing happens. */
  revoke(reason: string, error: Error): void;
}

export function revocable(transport: Transport): RevocableTransport {
  let end: (reason: string, error: Error) => void = () => undefined;
  return {
    name: transport.name,
    open: (target, events, clock) => {
      const link = transport.open(target, events, clock);
      end = (closeReason, error) => events.ended({ closeCode: UNAUTHORIZED, closeReason, error });
      return link;
    },
    revoke: (reason, error) => end(reason, error),
  };
}
