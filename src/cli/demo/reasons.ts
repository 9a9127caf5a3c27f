// Why a connection was lost, in a few words that fit beside a transition.
import { nameOfClose } from '../../../machines/index.ts';
import type { ConnectionError, Details, ErrorCode } from '../../errors.ts';
import { seconds } from '../style.ts';

const WORDS: Partial<Record<ErrorCode, (details: Details) => string>> = {
  CLOSED_BY_PEER: ({ closeCode, closeReason }) =>
    `server closed: ${String(closeCode)} ${String(closeReason ?? nameOfClose(Number(closeCode)))}`,
  LINK_LOST: ({ cause }) => `link lost${withCause(cause)}`,
  CONNECT_FAILED: ({ cause }) => `no connection${withCause(cause)}`,
  HEARTBEAT_TIMEOUT: ({ silentForMs }) => `nothing received for ${seconds(Number(silentForMs))}`,
  CREDENTIALS_REJECTED: ({ explanation }) =>
    `rejected: ${String(explanation).replace(/^Authentication failed: |\.$/g, '')}`,
  RETRIES_EXHAUSTED: ({ attempts }) => `gave up after ${String(attempts)} attempts`,
};

/** The code of a system error says it all. */
const withCause = (cause: Details[string] | undefined): string =>
  cause === undefined ? '' : `: ${/\bE[A-Z]{4,}\b/.exec(String(cause))?.[0] ?? String(cause)}`;

export const inWords = (error: ConnectionError): string =>
  WORDS[error.code]?.(error.details) ?? error.message;
