// The table of everything that can go wrong: one row per code, with what happened and the first thing to do about it.
import { nameOfClose } from '../machines/index.ts';

export type Details = Readonly<Record<string, string | number | boolean>>;

interface ErrorRow {
  /** Whether the same call may succeed later without a change on the caller's side. */
  readonly retryable: boolean;
  /** What happened. */
  readonly message: (details: Details) => string;
  /** The first thing to do about it. */
  readonly remedy: string;
}

const row = (retryable: boolean, message: ErrorRow['message'], remedy: string): ErrorRow => ({
  retryable,
  message,
  remedy,
});

const closed = (d: Details): string => {
  const code = Number(d['closeCode']);
  const reason = d['closeReason'] ? `, "${String(d['closeReason'])}"` : '';
  return `received ${String(code)} (${nameOfClose(code)}${reason})`;
};

export const ERRORS = {
  INVALID_OPTION: row(
    false,
    (d) => `Expected ${d['name']} to be ${d['expected']}, got ${d['actual']}.`,
    'Correct the option; its documentation names the range and the default.',
  ),
  CONNECT_TIMEOUT: row(
    true,
    (d) => `The connection did not open within ${d['limitMs']} ms.`,
    'Check that the server speaks WebSocket, or sends events, at this URL, or raise timeouts.connectMs.',
  ),
  CONNECT_FAILED: row(
    true,
    (d) => `The connection could not be opened${d['cause'] ? `: ${d['cause']}` : ''}.`,
    'Check that the server runs and that host, port and path are right.',
  ),
  TLS_FAILED: row(
    false,
    (d) => `The server's certificate was not accepted: ${d['cause']}.`,
    'Correct the certificate or the host name; trust a private authority with NODE_EXTRA_CA_CERTS, webSocket.node.ca or, for events, a fetch of your own.',
  ),
  UPGRADE_REJECTED: row(
    true,
    (d) => `The server answered the upgrade with HTTP ${d['httpStatus']}.`,
    'Check the path and the credentials of the upgrade request; 404, 429 and 5xx are retried by themselves.',
  ),
  PROVIDER_FAILED: row(
    true,
    (d) => `The function given as ${d['option']} failed: ${d['cause']}.`,
    'Correct the function; it is called anew for each attempt.',
  ),
  PROVIDER_TIMEOUT: row(
    true,
    (d) => `The function given as ${d['option']} did not answer within ${d['limitMs']} ms.`,
    'Give the function a time limit of its own, or raise timeouts.providerMs and timeouts.connectMs.',
  ),
  HANDSHAKE_TIMEOUT: row(
    true,
    (d) => `The handshake was not finished within ${d['limitMs']} ms.`,
    'Check that client and server speak the same protocol, or raise timeouts.handshakeMs.',
  ),
  HANDSHAKE_FAILED: row(
    true,
    (d) => `The handshake failed: ${d['explanation']}`,
    'Check that client and server speak the same protocol.',
  ),
  CREDENTIALS_REJECTED: row(
    false,
    (d) => `The server rejected the credentials: ${d['explanation']}`,
    'Provide other credentials; give a function as credentials to have them refreshed.',
  ),
  RESUME_FAILED: row(
    true,
    (d) => `The resume function failed: ${d['cause']}.`,
    'Correct the function; the session is not used until the server knows again what it must know.',
  ),
  CLOSED_BY_PEER: row(
    true,
    (d) => `The server closed the connection: ${closed(d)}.`,
    'Read the close code; change what it means with the protocol or retry.policy.',
  ),
  LINK_LOST: row(
    true,
    (d) => `The link broke off${d['cause'] ? `: ${d['cause']}` : ''}.`,
    'Nothing: it is retried by itself. If it recurs at a fixed interval, look for an idle limit in a proxy.',
  ),
  HEARTBEAT_TIMEOUT: row(
    true,
    (d) => `Nothing was received for ${d['silentForMs']} ms; the link is dead.`,
    'Nothing: it is retried by itself. If the server is merely slow, raise heartbeat.timeoutMs.',
  ),
  STREAM_REFUSED: row(
    true,
    (d) => `The server answered the request for events with HTTP ${d['httpStatus']}.`,
    'Check the path and the credentials of the request, and what the server said in payload; 404, 429 and 5xx are retried by themselves.',
  ),
  NOT_AN_EVENT_STREAM: row(
    false,
    (d) => `Expected the content type text/event-stream, got ${d['contentType']}.`,
    'Check the URL, and what came in payload; a proxy or a login page may have answered in place of the server.',
  ),
  STREAM_ENDED: row(
    true,
    () => 'The server ended the stream of events.',
    'Nothing: it is asked for again by itself, from the last event id on.',
  ),
  STREAM_OVER: row(
    false,
    () => 'The server answered with HTTP 204: there are no more events, and it is not to be asked again.',
    'Nothing; call connect() if there may be events again.',
  ),
  EVENT_TOO_LARGE: row(
    false,
    (d) => `An event is longer than ${d['maxBytes']} bytes.`,
    'Raise maxEventBytes if such events are meant.',
  ),
  SENDING_UNSUPPORTED: row(
    false,
    () => 'Events come over this connection, and nothing can be sent over it.',
    'Send with a request of its own, such as fetch(), or use a WebSocket connection.',
  ),
  RETRIES_EXHAUSTED: row(
    true,
    (d) =>
      `Gave up after ${d['attempts']} failed ${d['attempts'] === 1 ? 'attempt' : 'attempts'}; the last one: ${d['last']}`,
    'Call connect() to start again, or raise retry.maxAttempts or retry.maxElapsedMs.',
  ),
  DISCONNECTED: row(
    false,
    () => 'disconnect() was called before the connection was open.',
    'Call connect() again if the connection is wanted after all.',
  ),
  OUTBOX_FULL: row(
    true,
    (d) => `The outbox is full: ${d['messages']} messages, ${d['bytes']} bytes.`,
    'Await drained() when send() returns false, or raise outbox.maxMessages and outbox.maxBytes.',
  ),
  MESSAGE_DROPPED: row(
    true,
    () => 'The message was dropped from the full outbox to make room for another one.',
    'Send less, raise outbox.maxMessages and outbox.maxBytes, or choose the overflow policy "reject".',
  ),
  MESSAGE_EXPIRED: row(
    true,
    (d) => `The message was not sent within ${d['ttlMs']} ms and never will be.`,
    'Send it again if it still matters, or raise ttlMs.',
  ),
  MESSAGE_UNDELIVERED: row(
    true,
    (d) => `The message was not sent: the connection is ${d['state']}.`,
    'Call connect(), and send again when it has resolved.',
  ),
  DELIVERY_UNKNOWN: row(
    true,
    () => 'The link broke while the message was being sent; it may or may not have arrived.',
    'Ask the server, or use a protocol with acknowledgements.',
  ),
  INVALID_MESSAGE: row(
    false,
    (d) => `A message could not be decoded: ${d['cause']}.`,
    'Compare what the server sends with the protocol, or with decode; what came is in the event, as frame.',
  ),
  CONSUMER_TOO_SLOW: row(
    true,
    (d) => `More than ${d['maxMessages']} messages wait for a consumer that does not read them.`,
    'Read faster or raise maxBuffered; in Node the server is slowed down instead.',
  ),
  LISTENER_FAILED: row(
    false,
    (d) => `A listener of "${d['event']}" failed: ${d['cause']}.`,
    'Correct the listener; the connection and the other listeners were not affected.',
  ),
  PROTOCOL_FAILED: row(
    false,
    (d) => `A function of the protocol failed: ${d['cause']}.`,
    'Correct the protocol; the connection went on without what the function would have said.',
  ),
  RETRY_POLICY_FAILED: row(
    false,
    (d) => `The retry policy failed: ${d['cause']}; the default verdict was used.`,
    'Correct the policy or the backoff: it must return at once, a verdict or a delay in milliseconds.',
  ),
  INVALID_RECORDING: row(
    false,
    (d) => `The recording cannot be read: expected ${d['expected']}, got ${d['actual']}.`,
    'Give the JSON of connection.recording() as it is; of a machine that is not of statewire, give the machine too.',
  ),
  CRAWL_INCOMPLETE: row(
    true,
    (d) =>
      `The crawl ended before its summary: ${d['cause']} ${d['missing']} of ${d['total']} URLs have no result: ${d['urls']}.`,
    'Crawl the URLs in missingUrls again; they are those without a result.',
  ),
  CRAWL_REFUSED: row(
    false,
    (d) => `The server refused the crawl: ${d['explanation']}`,
    'Read what the server said in payload; the same request would be refused again.',
  ),
  ANSWER_MISSING: row(
    true,
    (d) => `The ${d['question']} has no answer: ${d['explanation']}`,
    'Ask again later, or raise requestTimeoutMs if the server is merely slow.',
  ),
  NOT_CONNECTED: row(
    false,
    (d) => `Not connected: ${d['what']} needs a connection, and the client is ${d['state']}.`,
    'Call connect() first; while it reconnects, nothing more is needed.',
  ),
  NOT_SUBSCRIBED: row(
    false,
    (d) => `Not subscribed to channel: ${d['channel']}.`,
    'Await subscribe() for the channel before publishing to it.',
  ),
  SUBSCRIPTION_REFUSED: row(
    false,
    (d) => `The server refused the subscription to ${d['channel']}: ${d['explanation']}`,
    'Read what the server said in payload; subscribe() asks again.',
  ),
  SUBSCRIPTION_TIMEOUT: row(
    true,
    (d) => `The subscription to ${d['channel']} was not made within ${d['limitMs']} ms.`,
    'Check that the server can be reached, or raise subscribeTimeoutMs.',
  ),
  PUBLISH_REFUSED: row(
    false,
    (d) => `The server refused the message for ${d['channel']}: ${d['explanation']}`,
    'Read what the server said in payload; after RATE_LIMITED or UNAVAILABLE publish again later.',
  ),
  PUBLISH_FAILED: row(
    true,
    (d) =>
      `The message for ${d['channel']} was not sent in ${d['attempts']} attempts; the last one: ${d['last']}`,
    'Publish it again; it may have arrived, so let its reader tell copies apart.',
  ),
  ASSISTANT_FAILED: row(
    true,
    (d) => `The assistant failed: ${d['cause']}`,
    'Ask again; if it recurs, look at what the assistant, or a function of yours, said.',
  ),
  ASSISTANT_TIMEOUT: row(
    true,
    (d) => `The assistant ran into a timeout: no ${d['missing']} within ${d['limitMs']} ms.`,
    "Ask again, or raise the relay's timeouts.",
  ),
  ANSWER_CANCELLED: row(
    true,
    (d) => `The answer was cancelled${d['cause'] ? `: ${d['cause']}` : ''}.`,
    'Nothing, if it was meant; else look at who aborts the signal.',
  ),
  ANSWER_CUT_OFF: row(
    true,
    () => 'The messages ended before the answer had.',
    'Subscribe again; a hub repeats what its history still has.',
  ),
  TOOL_FAILED: row(
    true,
    (d) => `The tool ${d['tool']} failed: ${d['cause']}`,
    'Correct the tool; the assistant was given this text in place of a result.',
  ),
  TOOL_TIMEOUT: row(
    true,
    (d) => `The tool ${d['tool']} did not finish within ${d['limitMs']} ms.`,
    'Have the tool heed its signal, or raise its timeoutMs.',
  ),
  SESSION_CLOSED: row(false, (d) => `The session is ${d['how']}.`, 'Stop using it; see signal.'),
  SEND_BUFFER_FULL: row(
    true,
    (d) => `The peer reads too slowly: ${d['bytes']} bytes wait to be sent already.`,
    'Await each send, or raise limits.maxBufferedBytes.',
  ),
  TOO_MANY_PINGS: row(
    true,
    (d) => `Too many pings wait for their pong already: ${d['count']}.`,
    'Await each ping.',
  ),
  UNEXPECTED_MESSAGE: row(
    false,
    (d) => `Expected ${d['expected']}, got ${d['actual']}.`,
    'Use receive(), which gives both kinds.',
  ),
  INVALID_JSON: row(
    false,
    (d) => `The message is no JSON: ${d['cause']}.`,
    'Catch this error, or close with 1007.',
  ),
  RECEIVE_TIMEOUT: row(true, (d) => `No message came within ${d['limitMs']} ms.`, 'Raise timeoutMs.'),
  INTERNAL_ERROR: row(
    false,
    (d) => `statewire itself broke while ${d['phase']}${d['cause'] ? `: ${d['cause']}` : ''}.`,
    'Please report it, with the cause of this error.',
  ),
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof ERRORS;
