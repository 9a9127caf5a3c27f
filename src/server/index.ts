// The door of "statewire/server": Node only.
export { createCrawlServer, type CloseServerOptions, type CrawlServer } from './crawl/server.ts';
export {
  CRAWL_SERVER_DEFAULTS,
  type CrawlCacheOptions,
  type CrawlLimits,
  type CrawlServerOptions,
} from './crawl/options.ts';
export type { AllowAddress, ResolvedAddress, ResolveHost } from './crawl/addresses.ts';
export type { CrawlServerStats } from './crawl/statistics.ts';
export type { PageErrorType } from './crawl/page-errors.ts';
export type { ApiKeys } from './access.ts';
export {
  createRealtimeServer,
  type Audience,
  type CloseRealtimeServerOptions,
  type RealtimeServer,
  type WebSocketRouteOptions,
} from './realtime/server.ts';
export {
  REALTIME_DEFAULTS,
  type Authenticate,
  type CompressionOptions,
  type RealtimeLimits,
  type RealtimeServerOptions,
  type SessionHeartbeatOptions,
} from './realtime/options.ts';
export { AccessRefused, type AccessRefusedOptions } from './realtime/door.ts';
export { SessionError, type SessionErrorCode } from './realtime/errors.ts';
export type { ReceiveOptions } from './realtime/inbox.ts';
export type { Target } from './realtime/places.ts';
export type { HttpHandler } from './realtime/reception.ts';
export { prepareMessage, type PreparedMessage, type Sendable } from './realtime/prepared-message.ts';
export type { RealtimeSession } from './realtime/registry.ts';
export type { SseChannel } from './realtime/sse-channel.ts';
export type { SseEvent } from './realtime/sse-format.ts';
export {
  createSseHistory,
  type Followed,
  type KeptEvent,
  type Missed,
  type SseHistory,
  type SseHistoryOptions,
} from './realtime/sse-history.ts';
export type { SseSession } from './realtime/sse-session.ts';
export { SSE_BINARY_EVENT, type SseFields } from './realtime/sse-stream.ts';
export type { SseHandler } from './realtime/sse-visit.ts';
export type { WebSocketMessage } from './realtime/websocket-link.ts';
export type { WebSocketSession } from './realtime/websocket-session.ts';
export type { WebSocketHandler } from './realtime/websocket-visit.ts';
export {
  createChannelHub,
  type ChannelHub,
  type HubMetrics,
  type HubPublishOptions,
} from './channels/hub.ts';
export {
  HUB_DEFAULTS,
  type Access,
  type Authorize,
  type ChannelHubOptions,
  type HubLimits,
  type PresenceOptions,
  type SlowConsumerPolicy,
} from './channels/options.ts';
export { memoryBroker, MEMORY_BROKER_DEFAULTS, type MemoryBrokerOptions } from './channels/memory-broker.ts';
export { natsBroker } from './channels/nats/broker.ts';
export { NatsBrokerError } from './channels/nats/errors.ts';
export {
  NATS_BROKER_DEFAULTS,
  type NatsBrokerOptions,
  type NatsConnectionOptions,
} from './channels/nats/options.ts';
export type {
  Broker,
  Following,
  FollowOptions,
  NewMessage,
  Published,
  Replay,
  StoredMessage,
} from './channels/broker.ts';
