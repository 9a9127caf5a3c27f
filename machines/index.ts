// The only door of machines/: what src/ and the users of "statewire/machines" may import.
export { connectionMachine } from './connection.machine.ts';
export { CLOSE_CODES, cureOfClose, nameOfClose } from './close-codes.ts';
export { clampDelay, MAX_DELAY_MS } from './connection.delays.ts';
export {
  CONNECTION_STATES,
  selectRetryInMs,
  selectSending,
  selectState,
  type ConnectionSnapshot,
  type ConnectionState,
} from './connection.selectors.ts';
export type {
  ConnectionContext,
  ConnectionEvent,
  ConnectionInput,
  Cure,
  Doubt,
  Failure,
  HeartbeatEvent,
  Limits,
  Phase,
  PolicyInput,
  SocketEvent,
  SocketInput,
  SurroundingsEvent,
  UserEvent,
  VerdictEvent,
} from './connection.types.ts';
export { sessionMachine } from './session.machine.ts';
export {
  SESSION_STATES,
  selectSessionState,
  type SessionSnapshot,
  type SessionState,
} from './session.selectors.ts';
export type {
  Goodbye,
  SessionContext,
  SessionEvent,
  SessionFact,
  SessionInput,
  SessionLimits,
  SessionUserEvent,
} from './session.types.ts';
export { subscriptionMachine } from './subscription.machine.ts';
export {
  isSubscriptionConfirmed,
  selectSubscriptionState,
  SUBSCRIPTION_STATES,
  type SubscriptionSnapshot,
  type SubscriptionState,
} from './subscription.selectors.ts';
export type {
  SubscriptionContext,
  SubscriptionEvent,
  SubscriptionFact,
  SubscriptionInput,
  SubscriptionLimits,
  SubscriptionUserEvent,
} from './subscription.types.ts';
export { relayMachine } from './relay.machine.ts';
export { RELAY_STATES, selectRelayState, type RelaySnapshot, type RelayState } from './relay.selectors.ts';
export type {
  RelayContext,
  RelayEvent,
  RelayFact,
  RelayInput,
  RelayLimits,
  RelayUserEvent,
} from './relay.types.ts';
