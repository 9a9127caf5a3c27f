// The library's errors in the words of the command line: the same message, and a remedy that names its options.
import type { ConnectionError, ErrorCode } from '../../errors.ts';
import type { Problem } from './view.ts';

const REMEDIES: Partial<Record<ErrorCode, string>> = {
  CONNECT_TIMEOUT: 'Check that the server accepts WebSocket upgrades at this URL, or raise --timeout.',
  HANDSHAKE_TIMEOUT: 'Check that the server answers the frame given with --auth-frame, or raise --timeout.',
  TLS_FAILED:
    'Correct the certificate or the host name, name its authority in NODE_EXTRA_CA_CERTS, or trust anybody with --insecure.',
  UPGRADE_REJECTED: 'Check the path, and what --header and --subprotocol say.',
  CREDENTIALS_REJECTED: 'Check --header and --auth-frame.',
  PROVIDER_FAILED: 'Check the file given with --auth-frame.',
  CLOSED_BY_PEER: 'Read the close code: the server ended it on purpose.',
  LINK_LOST: 'Connect again; without --retry off that happens by itself.',
  HEARTBEAT_TIMEOUT: 'Connect again; if the server is merely slow, raise --heartbeat or turn it off.',
  RETRIES_EXHAUSTED: 'Check that the server runs, or raise --retry.',
  DELIVERY_UNKNOWN: 'Ask the server whether it has it; a plain WebSocket has no receipts.',
};

/** The message of a provider's failure names an option of the library. */
const messageOf = (error: ConnectionError): string =>
  error.code === 'PROVIDER_FAILED'
    ? `--auth-frame cannot be read: ${String(error.details['cause'])}.`
    : error.message;

export const problemOf = (error: ConnectionError): Problem => ({
  code: error.code,
  message: messageOf(error),
  remedy: REMEDIES[error.code] ?? error.remedy,
});
