// The public door of "statewire/coordinator".
export { CoordinatorClient, type CoordinatorConnection } from './client.ts';
export {
  AuthenticationError,
  ConnectionFailedError,
  CoordinatorError,
  MaxRetriesExceededError,
} from './errors.ts';
export {
  COORDINATOR_DEFAULTS,
  type CoordinatorOptions,
  type TokenProvider,
  type WatchInfo,
} from './options.ts';
export type { CoordinatorEvent, UserDetails } from './protocol.ts';
export type { RouteListener } from '../event-router.ts';
export { exponentialBackoff, customBackoff, type Backoff } from '../backoff.ts';
