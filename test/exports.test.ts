// The public API: the names behind every door of the package. A change here is a change for users.
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import manifest from '../package.json' with { type: 'json' };
import { exportedNames, type ExportedNames } from './support/exported-names.ts';

const API: Readonly<Record<string, ExportedNames>> = {
  statewire: {
    values: [
      'CONNECTION_STATES',
      'Connection',
      'ConnectionError',
      'DEFAULTS',
      'DeliveryError',
      'ERRORS',
      'InvalidOptionError',
      'RTT_BUCKETS_MS',
      'binary',
      'customBackoff',
      'decorrelatedJitterBackoff',
      'exponentialBackoff',
      'fixedBackoff',
      'fullJitterBackoff',
      'json',
      'jsonOf',
      'listBackoff',
      'systemClock',
      'text',
    ],
    types: [
      'Acknowledgements',
      'AttemptInfo',
      'Backoff',
      'BackoffBounds',
      'BackoffState',
      'Clock',
      'Closed',
      'ConnectOptions',
      'ConnectTimings',
      'ConnectionEvents',
      'ConnectionOptions',
      'ConnectionState',
      'ConnectionStats',
      'DeliverOptions',
      'Delivery',
      'Details',
      'ErrorCode',
      'ExponentialOptions',
      'Failure',
      'Frame',
      'Handshake',
      'HandshakeStep',
      'HeartbeatOptions',
      'HeartbeatProtocol',
      'Link',
      'LinkEnd',
      'LinkEvents',
      'Logger',
      'Loss',
      'NodeSocketOptions',
      'OutboxOptions',
      'OverflowPolicy',
      'Protocol',
      'Provided',
      'Rejection',
      'RetryOptions',
      'RetryPolicy',
      'RttHistogram',
      'SessionInfo',
      'StateChange',
      'StreamOptions',
      'Surroundings',
      'Target',
      'TimeoutOptions',
      'Transport',
      'Unsubscribe',
      'Verdict',
      'WebSocketConstructor',
      'WebSocketFactory',
      'WebSocketLike',
      'WebSocketOptions',
    ],
  },
  'statewire/machines': {
    values: [
      'CLOSE_CODES',
      'CONNECTION_STATES',
      'MAX_DELAY_MS',
      'clampDelay',
      'connectionMachine',
      'cureOfClose',
      'nameOfClose',
      'selectRetryInMs',
      'selectSending',
      'selectState',
    ],
    types: [
      'ConnectionContext',
      'ConnectionEvent',
      'ConnectionInput',
      'ConnectionSnapshot',
      'ConnectionState',
      'Cure',
      'Doubt',
      'Failure',
      'HeartbeatEvent',
      'Limits',
      'Phase',
      'PolicyInput',
      'SocketEvent',
      'SocketInput',
      'SurroundingsEvent',
      'UserEvent',
      'VerdictEvent',
    ],
  },
  'statewire/coordinator': {
    values: [
      'AuthenticationError',
      'COORDINATOR_DEFAULTS',
      'ConnectionFailedError',
      'CoordinatorClient',
      'CoordinatorError',
      'MaxRetriesExceededError',
      'customBackoff',
      'exponentialBackoff',
    ],
    types: [
      'Backoff',
      'CoordinatorConnection',
      'CoordinatorEvent',
      'CoordinatorOptions',
      'RouteListener',
      'TokenProvider',
      'UserDetails',
      'WatchInfo',
    ],
  },
  'statewire/testing': {
    values: [
      'FaultProxy',
      'MockCoordinator',
      'PathWalker',
      'PuppetServer',
      'PuppetSocket',
      'PuppetSurroundings',
      'PuppetUpgrade',
      'VirtualClock',
      'allTransitions',
      'connectionPaths',
      'edgeOf',
      'eventName',
      'statePath',
      'until',
    ],
    types: [
      'AcceptOptions',
      'CloseInfo',
      'ConnectionPath',
      'PathStep',
      'PuppetServerOptions',
      'ServerScript',
      'StatePath',
      'UntilOptions',
      'WalkerOptions',
    ],
  },
};

const root = new URL('../', import.meta.url);
const { './package.json': itself, ...doors } = manifest.exports;

/** Where the compiler puts what it makes of a source file. */
const builtFrom = (source: string): string => source.replace(/^\.\/(.*)\.ts$/, './dist/$1.js');

describe('the public API', () => {
  it('has these doors, and the manifest for tools that want to read it', () => {
    expect(Object.keys(doors).map((path) => path.replace('.', 'statewire'))).toEqual(Object.keys(API));
    expect(itself).toBe('./package.json');
  });

  describe.each(Object.entries(doors))('%s', (path, { 'statewire-source': source, default: built }) => {
    const names = API[path.replace('.', 'statewire')]!;

    it('exports these names', () => {
      expect(exportedNames(new URL(source, root))).toEqual(names);
    });

    it('exports at run time what is no type', async () => {
      const door = (await import(new URL(source, root).href)) as Record<string, unknown>;

      expect(Object.keys(door).sort()).toEqual(names.values);
    });

    it('is published as it is built', () => {
      expect(built).toBe(builtFrom(source));
    });
  });
});

describe('the manifest', () => {
  const { 'statewire-source': sources, ...published } = manifest.imports['#platform'];

  it('gives browsers and Node their own platform file', () => {
    expect(published).toEqual({
      browser: builtFrom(sources.browser),
      default: builtFrom(sources.default),
    });
    expect(Object.values(sources).filter((path) => !existsSync(new URL(path, root)))).toEqual([]);
  });

  it('has a command that is built from a source', () => {
    const source = manifest.bin.statewire.replace(/^\.\/dist\/(.*)\.js$/, './$1.ts');

    expect(existsSync(new URL(source, root))).toBe(true);
    expect(manifest.bin.statewire).toBe(builtFrom(source));
  });

  it('publishes nothing but what is built, and the texts about it', () => {
    expect(manifest.files).toEqual(['dist', 'README.md', 'CHANGELOG.md', 'LICENSE']);
  });
});
