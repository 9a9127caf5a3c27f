// The library's errors in the words of the command line: the same message, and a remedy that names its options.
import type { ConnectionError, ErrorCode } from '../../errors.ts';
import type { Problem } from './view.ts';

export type ProblemOf = (error: ConnectionError) => Problem;

/** What every command that follows a connection says. */
const REMEDIES: Partial<Record<ErrorCode, string>> = {
  TLS_FAILED:
    'Correct the certificate or the host name, name its authority in NODE_EXTRA_CA_CERTS, or trust anybody with --insecure.',
  LINK_LOST: 'Connect again; without --retry off that happens by itself.',
  RETRIES_EXHAUSTED: 'Check that the server runs, or raise --retry.',
};

/** The problems of a command: `messageOf` where the library's message does not fit. */
export const problemsOf =
  (
    remedies: Partial<Record<ErrorCode, string>>,
    messageOf: (error: ConnectionError) => string | undefined,
  ): ProblemOf =>
  (error) => ({
    code: error.code,
    message: messageOf(error) ?? error.message,
    remedy: remedies[error.code] ?? REMEDIES[error.code] ?? error.remedy,
  });

/** The message of a provider's failure names an option of the library; this names the one of the command line. */
export const unreadable = (flag: string, { details }: ConnectionError): string =>
  `${flag} cannot be read: ${String(details['cause'])}.`;
