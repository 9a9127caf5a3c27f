// What the frames of the Stream Video coordinator mean. No I/O: strings in, answers out.
import { cureOfClose, type Cure, type Phase } from '../../machines/index.ts';
import { describe, textOf } from '../errors.ts';
import type { HandshakeStep, Protocol } from '../protocols/protocol.ts';
import { encodeJson, textOfFrame } from '../protocols/text.ts';
import { parseUrl } from '../providers.ts';
import type { Frame } from '../transports/transport.ts';

/** What the coordinator sends, as it sent it. Only that it is an object was checked. */
export interface CoordinatorEvent {
  readonly type?: string;
  readonly connection_id?: string;
  readonly created_at?: string;
  readonly [field: string]: unknown;
}

/** What the coordinator may be told about the user, beside the id. */
export interface UserDetails {
  readonly name?: string;
  readonly image?: string;
  readonly custom?: Readonly<Record<string, unknown>>;
  readonly language?: string;
  readonly invisible?: boolean;
  readonly privacy_settings?: Readonly<Record<string, unknown>>;
  readonly [field: string]: unknown;
}

export interface CoordinatorProtocolOptions {
  readonly userId: string;
  readonly userDetails: UserDetails;
  readonly products: readonly string[];
  readonly strictFirstFrame: boolean;
  readonly reconnectOnNormalClose: boolean;
  /** Whether another token can be had for one that has expired. */
  readonly canRefresh: boolean;
}

export type CoordinatorProtocol = Protocol<CoordinatorEvent, object, CoordinatorEvent, string>;

/** The coordinator's error code for a token that has expired; any other refusal is final. */
const TOKEN_EXPIRED = 40;

const HEALTH_CHECK = 'health.check';

/** `api_key` and `stream-auth-type` join whatever query the URL has. @throws {InvalidOptionError} */
export function connectUrl(base: string | URL, apiKey: string): string {
  const url = new URL(parseUrl(base));
  url.searchParams.set('api_key', apiKey);
  url.searchParams.set('stream-auth-type', 'jwt');
  return url.href;
}

/** The name under which listeners get an event: its `type`, or `unknown`. */
export const nameOf = ({ type }: CoordinatorEvent): string => (typeof type === 'string' ? type : 'unknown');

/** The id that the coordinator gave a connection in its first event, where it gave one. */
export const connectionIdOf = (welcome: CoordinatorEvent | undefined): string | undefined =>
  typeof welcome?.connection_id === 'string' ? welcome.connection_id : undefined;

export function coordinatorProtocol(options: CoordinatorProtocolOptions): CoordinatorProtocol {
  return {
    name: 'coordinator',
    handshake: (token) => ({
      opening: [encodeJson(authPayload(token, options))],
      receive: (frame) => judge(frame, token, options),
    }),
    encode: encodeJson,
    decode: decodeEvent,
    revokes: (event) =>
      options.canRefresh && saysTokenExpired(event)
        ? { cure: 'refresh', explanation: 'the token has expired.', payload: event }
        : undefined,
    heartbeat: {
      when: 'always',
      probe: (welcome) => {
        const clientId = connectionIdOf(welcome);
        return encodeJson({ type: HEALTH_CHECK, ...(clientId !== undefined && { client_id: clientId }) });
      },
      isAnswer: ({ type }) => type === HEALTH_CHECK,
    },
    closeWith: { code: 1000, reason: 'client disconnect' },
    classifyClose: (code, _reason, phase) => cureOf(code, phase, options),
  };
}

const authPayload = (token: string, { products, userId, userDetails }: CoordinatorProtocolOptions) => ({
  token,
  products,
  user_details: { id: userId, ...userDetails },
});

/** The first frame is the verdict, whatever it is. */
function judge(
  frame: Frame,
  token: string,
  { canRefresh, strictFirstFrame }: CoordinatorProtocolOptions,
): HandshakeStep<CoordinatorEvent, CoordinatorEvent> {
  const reject = (explanation: string, payload?: CoordinatorEvent) =>
    ({
      status: 'rejected',
      cure: 'stop',
      explanation: `${explanation.replaceAll(token, '***')}.`,
      payload,
    }) as const;
  let event: CoordinatorEvent;
  try {
    event = decodeEvent(frame);
  } catch (thrown) {
    const explanation = `Invalid JSON from server: ${textOf(thrown)}`;
    return { ...reject(explanation), code: 'HANDSHAKE_FAILED', cure: 'retry' };
  }
  if (isError(event)) {
    const rejected = reject(`Authentication failed: ${reasonOf(event)}`, event);
    return canRefresh && saysTokenExpired(event) ? { ...rejected, cure: 'refresh' } : rejected;
  }
  if (strictFirstFrame && event.type !== 'connection.ok')
    return reject(`Expected connection.ok, got ${nameOf(event)}`, event);
  return { status: 'accepted', welcome: event, messages: [event] };
}

/** @throws {SyntaxError} for what is no JSON @throws {TypeError} for JSON that is no object, and for bytes that are no text */
function decodeEvent(frame: Frame): CoordinatorEvent {
  const value: unknown = JSON.parse(textOfFrame(frame));
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new TypeError(`expected a JSON object, got ${describe(value)}`);
  return value as CoordinatorEvent;
}

const isError = ({ type }: CoordinatorEvent): boolean => type === 'error' || type === 'connection.error';

const saysTokenExpired = (event: CoordinatorEvent): boolean =>
  isError(event) && errorOf(event)['code'] === TOKEN_EXPIRED;

const errorOf = ({ error }: CoordinatorEvent): Readonly<Record<string, unknown>> =>
  typeof error === 'object' && error !== null ? (error as Readonly<Record<string, unknown>>) : {};

function reasonOf(event: CoordinatorEvent): string {
  const { code, message = event['message'] } = errorOf(event);
  const text = typeof message === 'string' && message !== '' ? message : 'the server gave no reason';
  return typeof code === 'number' ? `${text} (code ${code})` : text;
}

/**
 * Every loss of a session is worth another attempt, but for a 1000 in place of the verdict: that is how the coordinator
 * turns away what it will never accept. The table's time for a server that restarts is kept.
 */
function cureOf(code: number, phase: Phase, options: CoordinatorProtocolOptions): Cure {
  if (code === 1000 && (phase === 'authenticating' || !options.reconnectOnNormalClose)) return 'stop';
  const cure = cureOfClose(code);
  return cure === 'retryLater' || (cure === 'refresh' && options.canRefresh) ? cure : 'retry';
}
