// The public door of "statewire/channels".
export {
  ChannelClient,
  type ChannelConnection,
  type SendErrorOptions,
  type SubscribeOptions,
} from './client.ts';
export { ChannelError } from './errors.ts';
export { CHANNEL_DEFAULTS, type ChannelClientOptions } from './options.ts';
export type { Publication, PublishOptions } from './publishing.ts';
export { type Gap, type Presence, type Subscription, type SubscriptionEvents } from './subscription.ts';
export type { ChannelEvents } from './subscriptions.ts';
export type { ChannelMessage, HubErrorCode, Member, Position } from './wire.ts';
export type { AssistantPayload, AssistantStatus } from './frames.ts';
export { type AssistantEvent, type AssistantStep, type ToolCall } from './relay/events.ts';
export {
  FRIENDLY_DEFAULT,
  FRIENDLY_MESSAGES,
  friendlyMessage,
  type FriendlyMessage,
} from './relay/friendly.ts';
export type { RelayActor, RelayOutcome } from './relay/life.ts';
export {
  RELAY_DEFAULTS,
  type RelayOptions,
  type RelayTimeouts,
  type Run,
  type RunSource,
  type SubmitToolOutputs,
  type ToolRound,
} from './relay/options.ts';
export type { FrameOptions, FramePublisher } from './relay/outlet.ts';
export { ConversationReader, type ReaderOptions } from './relay/reader.ts';
export { AssistantRelay, type AnswerRequest, type Conversation } from './relay/relay.ts';
export type { ConversationSnapshot } from './relay/snapshot.ts';
export type { ThrottleOptions } from './relay/throttle.ts';
export {
  TOOL_TOOK_TOO_LONG,
  type Tool,
  type ToolContext,
  type ToolFunction,
  type ToolOutput,
  type Tools,
} from './relay/tools.ts';
