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
