// The public door of "statewire/testing": what this project tests itself with.
export { VirtualClock } from './virtual-clock.ts';
export { until, type UntilOptions } from './wait.ts';
export {
  PuppetServer,
  PuppetSocket,
  PuppetUpgrade,
  type AcceptOptions,
  type CloseInfo,
  type PuppetServerOptions,
} from './puppet-server.ts';
export { FaultProxy } from './fault-proxy.ts';
export { MockCoordinator } from './mock-coordinator.ts';
export { MockCrawlConnection, MockCrawlServer, type MockCrawlServerOptions } from './mock-crawl-server.ts';
export {
  allTransitions,
  connectionPaths,
  edgeOf,
  eventName,
  statePath,
  type ConnectionPath,
  type PathStep,
  type StatePath,
} from './paths.ts';
export { PathWalker, PuppetSurroundings, type ServerScript, type WalkerOptions } from './path-walker.ts';
