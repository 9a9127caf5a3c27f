// The public door of "statewire".
export { Connection, type ConnectOptions } from './connection.ts';
export type { Closed, ConnectionEvents, StateChange } from './events.ts';
export type { Unsubscribe } from './emitter.ts';
export {
  DEFAULTS,
  type AttemptInfo,
  type ConnectionOptions,
  type HeartbeatOptions,
  type Logger,
  type OutboxOptions,
  type OverflowPolicy,
  type Provided,
  type RetryOptions,
  type SessionInfo,
  type TimeoutOptions,
} from './options.ts';
export type { DeliverOptions, Delivery } from './delivery.ts';
export type { StreamOptions } from './message-stream.ts';
export { RTT_BUCKETS_MS, type ConnectionStats, type RttHistogram } from './statistics.ts';
export {
  customBackoff,
  decorrelatedJitterBackoff,
  exponentialBackoff,
  fixedBackoff,
  fullJitterBackoff,
  listBackoff,
  type Backoff,
  type BackoffBounds,
  type BackoffState,
  type ExponentialOptions,
} from './backoff.ts';
export type { Loss, RetryPolicy, Verdict } from './retry-policy.ts';
export {
  ConnectionError,
  DeliveryError,
  ERRORS,
  InvalidOptionError,
  type Details,
  type ErrorCode,
} from './errors.ts';
export { recorder, type Recorder, type RecorderOptions } from './inspection/recorder.ts';
export type { RecordedEvent, RecordedMessage, Recording } from './inspection/recording.ts';
export type { Inspected, Inspector } from './inspection/inspector.ts';
export { binary, json, text } from './protocols/text.ts';
export { messagePack } from './protocols/message-pack.ts';
export type {
  Acknowledgements,
  Handshake,
  HandshakeStep,
  HeartbeatProtocol,
  Protocol,
  Rejection,
} from './protocols/protocol.ts';
export type {
  ConnectTimings,
  Envelope,
  Frame,
  Link,
  LinkEnd,
  LinkEvents,
  Target,
  Transport,
} from './transports/transport.ts';
export type { NodeSocketOptions, Surroundings, WebSocketOptions } from './platform/platform.ts';
export type { WebSocketConstructor, WebSocketFactory, WebSocketLike } from './transports/websocket-native.ts';
export { systemClock, type Clock } from './clock.ts';
export { CONNECTION_STATES, type ConnectionState, type Failure } from '../machines/index.ts';
