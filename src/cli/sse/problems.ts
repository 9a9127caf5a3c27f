// The errors of an event stream in the words of the command line.
import type { ConnectionError } from '../../errors.ts';
import { fit } from '../style.ts';
import { problemsOf, unreadable } from '../session/problems.ts';

/** As much of what a server says as belongs in one line. */
const MAX_SAID_CELLS = 200;

export const problemOf = problemsOf(
  {
    CONNECT_TIMEOUT: 'Check that the server sends events at this URL, or raise --timeout.',
    STREAM_REFUSED: 'Check the path, and what --header, --method and --data say.',
    NOT_AN_EVENT_STREAM: 'Check the URL; a proxy or a login page may have answered in place of the server.',
    STREAM_ENDED: 'Ask again; with --retry that happens by itself.',
    STREAM_OVER: 'Ask for fewer: it had no more.',
    EVENT_TOO_LARGE: 'Look at what the server sends: this command takes no longer events.',
    PROVIDER_FAILED: 'Check the file given with --data.',
    HEARTBEAT_TIMEOUT: 'Connect again; if the server is merely quiet, raise --silence or turn it off.',
  },
  (error) => (error.code === 'PROVIDER_FAILED' ? unreadable('--data', error) : said(error)),
);

/** With what the server said of its refusal, unless that is a page for a browser. */
function said({ message, payload }: ConnectionError): string | undefined {
  if (typeof payload !== 'string') return undefined;
  const text = payload.replace(/\s+/g, ' ').trim();
  return text === '' || text.startsWith('<') ? undefined : `${message} It said: ${fit(text, MAX_SAID_CELLS)}`;
}
