// One run of `statewire sse`: events out, until the user, the count or the server ends it.
import type { ConnectionError } from '../../errors.ts';
import { redactUrl } from '../../redact.ts';
import { SSE_DEFAULTS, type SseOptions } from '../../sse/options.ts';
import type { SseEvent } from '../../sse/protocol.ts';
import type { Fetch } from '../../sse/request.ts';
import { SseConnection } from '../../sse/sse-connection.ts';
import { EXIT, type ExitCode, type Io } from '../io.ts';
import { Following, type Follower } from '../session/following.ts';
import { retryOptions } from '../session/settings.ts';
import type { Problem } from '../session/view.ts';
import { problemOf } from './problems.ts';
import type { SseSettings } from './settings.ts';
import { jsonView, textView, type SseView } from './views.ts';

/** Runs until it is over; resolves with the exit code, with nothing left open. */
export async function sse(settings: SseSettings, io: Io): Promise<ExitCode> {
  const own = await fetchFor(settings);
  const connection = new SseConnection(optionsOf(settings, own?.fetch));
  const view = viewOf(settings, io);
  const follower: Follower<SseEvent> = {
    source: connection,
    view,
    problemOf,
    lateRemedy: 'Check that the server runs and sends events at this URL, or raise --timeout.',
    show: (event) => view.event(event),
    report: (problem: Problem) => {
      view.problem(problem);
      view.close();
    },
    isGoodbye,
    codeOfDone: EXIT.done,
    codeOfInterrupt: EXIT.interrupted,
  };
  const code = await new Following(connection, settings, io, follower).run();
  await own?.close();
  return code;
}

/** No more events, or the end of a stream that was not to be asked for again: that is how streams end. */
const isGoodbye = ({ code }: ConnectionError): boolean => code === 'STREAM_OVER' || code === 'STREAM_ENDED';

function viewOf({ url, output, isJson, isQuiet, lastEventId }: SseSettings, io: Io): SseView {
  return output === 'json'
    ? jsonView(io, isJson)
    : textView(io, { isJson, isQuiet, lastEventId, address: redactUrl(url) });
}

function optionsOf(settings: SseSettings, fetch: Fetch | undefined): SseOptions {
  const { url, headers, method, body, lastEventId, retry, silenceMs, connectWithinMs } = settings;
  return {
    ...{ url, headers, method, lastEventId },
    ...(body !== undefined && { body }),
    ...(fetch !== undefined && { fetch }),
    retry: retryOptions(retry),
    heartbeat: silenceMs === false ? false : { silenceMs, intervalMs: doubtfulAfter(silenceMs) },
    ...(connectWithinMs !== undefined && { timeouts: { connectMs: connectWithinMs } }),
  };
}

/** A stream is doubted, which nobody sees here, before it is dead. */
const doubtfulAfter = (silenceMs: number): number =>
  Math.min(SSE_DEFAULTS.heartbeat.intervalMs, silenceMs / 2);

/** Beyond this the platform's `fetch` itself ends a silent body. */
const PLATFORM_SILENCE_MS = 300_000;

/** A `fetch` that can do what the platform's cannot: accept any certificate, and wait for ever. */
async function fetchFor({
  isInsecure,
  silenceMs,
}: SseSettings): Promise<{ readonly fetch: Fetch; close(): Promise<void> } | undefined> {
  if (!isInsecure && silenceMs !== false && silenceMs < PLATFORM_SILENCE_MS) return undefined;
  const { Agent, fetch } = await import('undici');
  const dispatcher = new Agent({
    bodyTimeout: 0,
    ...(isInsecure && { connect: { rejectUnauthorized: false } }),
  });
  return {
    // The types of the package and those of the platform say the same, and do not know it.
    fetch: (url, init) => fetch(url, { ...(init as object), dispatcher }) as unknown as Promise<Response>,
    close: () => dispatcher.destroy(),
  };
}
