// The port between a connection and the meaning of its messages. A protocol does no I/O: frames in, answers out,
// so it is tested with arrays.
import type { Cure, Phase } from '../../machines/index.ts';
import type { Envelope, Frame } from '../transports/transport.ts';

/** What a handshake says after a frame. */
export type HandshakeStep<Incoming, Welcome> =
  | { readonly status: 'pending'; readonly send?: readonly Frame[] }
  | {
      readonly status: 'accepted';
      /** What `connect()` resolves with. */
      readonly welcome: Welcome;
      readonly send?: readonly Frame[];
      /** Messages that came with the verdict; the listeners get them once the connection is open. */
      readonly messages?: readonly Incoming[];
    }
  | ({ readonly status: 'rejected' } & Rejection);

/** The server does not want us, or not with these credentials. */
export interface Rejection {
  /** `refresh`: fresh credentials may help. `stop`: nothing will. `retry`: it was no refusal, only nonsense. */
  readonly cure: 'refresh' | 'stop' | 'retry';
  /** One sentence for the error's message; must not contain a secret. */
  readonly explanation: string;
  /** What the server said, for the error's `payload`. */
  readonly payload?: unknown;
  /** `CREDENTIALS_REJECTED` (the default) or `HANDSHAKE_FAILED`, for what is no verdict on credentials. */
  readonly code?: 'CREDENTIALS_REJECTED' | 'HANDSHAKE_FAILED';
}

/** One handshake of one attempt. */
export interface Handshake<Incoming, Welcome> {
  /** Said as soon as the socket is open; empty when the server speaks first. */
  readonly opening: readonly Frame[];
  /** What a frame means. Not called for a frame after the verdict. */
  receive(frame: Frame): HandshakeStep<Incoming, Welcome>;
}

export interface HeartbeatProtocol<Incoming, Welcome> {
  /**
   * The frame that asks for a sign of life, or `ping` for a protocol ping (Node only). `none`: nothing can be asked, and
   * silence alone tells that the link is dead.
   */
  readonly probe: 'ping' | 'none' | ((welcome: Welcome) => Frame);
  /**
   * What is sent in place of a protocol ping by a platform that cannot send one, a page. `undefined`: nothing at present,
   * and a silent link is not judged. Absent: such a platform has no heartbeat.
   */
  readonly insteadOfPing?: () => Frame | undefined;
  /** Whether a message answers a probe, for the round-trip time. Any frame at all proves life. Default: the first message. */
  readonly isAnswer?: (message: Incoming) => boolean;
  /** `whenQuiet`: after `intervalMs` of silence. `always`: every `intervalMs`, whatever comes in. Default: `whenQuiet`. */
  readonly when?: 'whenQuiet' | 'always';
  /** Asked before a silent link is declared dead: `true` lets it live on, for a peer that is known to be too busy to answer. */
  readonly isExcused?: () => boolean;
}

/** Gives messages that need one an identity that the server answers with. */
export interface Acknowledgements<Incoming, Outgoing> {
  /** The id under which a message will be acknowledged; `undefined` when it never will be. */
  idOf(message: Outgoing): string | undefined;
  /** The id that an incoming message acknowledges. Such a message still reaches the listeners. */
  acknowledgedBy(message: Incoming): string | undefined;
}

/**
 * What the messages of a connection mean.
 *
 * @typeParam Incoming what listeners receive
 * @typeParam Outgoing what `send()` takes
 * @typeParam Welcome what `connect()` resolves with
 * @typeParam Credentials what the `credentials` option provides
 */
export interface Protocol<Incoming, Outgoing = Incoming, Welcome = undefined, Credentials = undefined> {
  readonly name: string;
  /** Offered in `Sec-WebSocket-Protocol` when the `protocols` option offers none. */
  readonly subprotocols?: readonly string[];
  /** Begins a handshake. Absent: the connection is open as soon as the socket is. */
  handshake?(credentials: Credentials): Handshake<Incoming, Welcome>;
  /** @throws {TypeError} for a message that cannot be encoded; it reaches the caller of `send()`. */
  encode(message: Outgoing): Frame;
  /** @throws for a frame that means nothing; it becomes an `invalidMessage` event, and nothing else happens. */
  decode(frame: Frame, envelope?: Envelope): Incoming;
  /** Whether a message says that the session is over, such as an expired token. It still reaches the listeners. */
  revokes?(message: Incoming): Rejection | undefined;
  readonly heartbeat?: HeartbeatProtocol<Incoming, Welcome>;
  /** What the server must be told again after every handshake, before anything that is queued. */
  resume?(welcome: Welcome, session: { readonly isReconnect: boolean }): readonly Frame[];
  /** Said before the close frame of `disconnect()`. */
  farewell?(): readonly Frame[];
  /** The close code and reason of `disconnect()`. Default: 1000 and an empty reason. */
  readonly closeWith?: { readonly code: number; readonly reason: string };
  /** Overrides what helps after a close; `undefined` leaves it to the table of close codes. */
  classifyClose?(code: number, reason: string, phase: Phase): Cure | undefined;
  readonly acknowledgements?: Acknowledgements<Incoming, Outgoing>;
}
