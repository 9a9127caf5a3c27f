// The errors of a WebSocket in the words of the command line.
import { problemsOf, unreadable } from '../session/problems.ts';

export const problemOf = problemsOf(
  {
    CONNECT_TIMEOUT: 'Check that the server accepts WebSocket upgrades at this URL, or raise --timeout.',
    HANDSHAKE_TIMEOUT: 'Check that the server answers the frame given with --auth-frame, or raise --timeout.',
    UPGRADE_REJECTED: 'Check the path, and what --header and --subprotocol say.',
    CREDENTIALS_REJECTED: 'Check --header and --auth-frame.',
    PROVIDER_FAILED: 'Check the file given with --auth-frame.',
    CLOSED_BY_PEER: 'Read the close code: the server ended it on purpose.',
    HEARTBEAT_TIMEOUT: 'Connect again; if the server is merely slow, raise --heartbeat or turn it off.',
    DELIVERY_UNKNOWN: 'Ask the server whether it has it; a plain WebSocket has no receipts.',
  },
  (error) => (error.code === 'PROVIDER_FAILED' ? unreadable('--auth-frame', error) : undefined),
);
