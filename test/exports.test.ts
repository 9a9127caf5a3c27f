// The public API: the names behind every door of the package. A change here is a change for users.
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import manifest from '../package.json' with { type: 'json' };
import { exportedNames, type ExportedNames } from './support/exported-names.ts';

/** What a page needs of it; Node has the live view besides. */
const INSPECT: ExportedNames = {
  values: [
    'parseRecording',
    'postXState4',
    'recorder',
    'remoteInspector',
    'replay',
    'serveXState4',
    'xstate4Bridge',
  ],
  types: [
    'Inspected',
    'Inspector',
    'PageWindow',
    'PostXState4Options',
    'RecordedEvent',
    'RecordedMessage',
    'Recorder',
    'RecorderOptions',
    'Recording',
    'RemoteInspector',
    'RemoteInspectorOptions',
    'Replay',
    'ReplayStep',
    'ViewerSocket',
    'ViewerWindow',
    'XState4Bridge',
    'XState4BridgeOptions',
    'XState4Frame',
    'XState4Viewer',
    'XState4Visit',
  ],
};

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
      'listBackoff',
      'messagePack',
      'recorder',
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
      'Envelope',
      'ErrorCode',
      'ExponentialOptions',
      'Failure',
      'Frame',
      'Handshake',
      'HandshakeStep',
      'HeartbeatOptions',
      'HeartbeatProtocol',
      'Inspected',
      'Inspector',
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
      'RecordedEvent',
      'RecordedMessage',
      'Recorder',
      'RecorderOptions',
      'Recording',
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
      'SESSION_STATES',
      'SUBSCRIPTION_STATES',
      'clampDelay',
      'connectionMachine',
      'cureOfClose',
      'isConfirmed',
      'nameOfClose',
      'selectRetryInMs',
      'selectSending',
      'selectSessionState',
      'selectState',
      'selectSubscriptionState',
      'sessionMachine',
      'subscriptionMachine',
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
      'Goodbye',
      'HeartbeatEvent',
      'Limits',
      'Phase',
      'PolicyInput',
      'SessionContext',
      'SessionEvent',
      'SessionFact',
      'SessionInput',
      'SessionLimits',
      'SessionSnapshot',
      'SessionState',
      'SessionUserEvent',
      'SocketEvent',
      'SocketInput',
      'SubscriptionContext',
      'SubscriptionEvent',
      'SubscriptionFact',
      'SubscriptionInput',
      'SubscriptionLimits',
      'SubscriptionSnapshot',
      'SubscriptionState',
      'SubscriptionUserEvent',
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
  'statewire/channels': {
    values: ['CHANNEL_DEFAULTS', 'ChannelClient', 'ChannelError'],
    types: [],
  },
  'statewire/crawl': {
    values: [
      'CRAWL_BEARER_SUBPROTOCOL',
      'CRAWL_DEFAULTS',
      'CRAWL_EXTENSIONS',
      'CRAWL_MAX_MESSAGE_BYTES',
      'CRAWL_MAX_URLS',
      'CRAWL_NDJSON_PATH',
      'CRAWL_PATH',
      'CRAWL_PROTOCOL_VERSION',
      'CRAWL_SSE_PATH',
      'CRAWL_SUBPROTOCOLS',
      'CrawlClient',
      'StreamingError',
      'ValidationError',
      'crawlBackoff',
      'crawlNdjson',
      'crawlProtocol',
      'crawlServerStatus',
      'crawlSse',
      'pingCrawlServer',
    ],
    types: [
      'AskOptions',
      'CacheMode',
      'ChunkingConfig',
      'CrawlCall',
      'CrawlClientEvents',
      'CrawlClientOptions',
      'CrawlConnection',
      'CrawlEncoding',
      'CrawlErrorData',
      'CrawlErrorResult',
      'CrawlEvent',
      'CrawlMessage',
      'CrawlMetrics',
      'CrawlOptions',
      'CrawlOutgoing',
      'CrawlPage',
      'CrawlPageError',
      'CrawlProtocol',
      'CrawlRequest',
      'CrawlResult',
      'CrawlResultOf',
      'CrawledDocument',
      'HttpCrawlOptions',
      'MetadataData',
      'PingAnswer',
      'PongData',
      'ResultData',
      'ServerStatus',
      'StatusData',
      'StreamingErrorCode',
      'SummaryData',
      'WelcomeData',
      'Welcomed',
    ],
  },
  'statewire/server': {
    values: [
      'AccessRefused',
      'CRAWL_SERVER_DEFAULTS',
      'REALTIME_DEFAULTS',
      'SSE_BINARY_EVENT',
      'SessionError',
      'createCrawlServer',
      'createRealtimeServer',
      'createSseHistory',
    ],
    types: [
      'AccessRefusedOptions',
      'AllowAddress',
      'ApiKeys',
      'Audience',
      'Authenticate',
      'CloseRealtimeServerOptions',
      'CloseServerOptions',
      'CompressionOptions',
      'CrawlCacheOptions',
      'CrawlLimits',
      'CrawlServer',
      'CrawlServerOptions',
      'CrawlServerStats',
      'Followed',
      'HttpHandler',
      'KeptEvent',
      'Missed',
      'PageErrorType',
      'RealtimeLimits',
      'RealtimeServer',
      'RealtimeServerOptions',
      'RealtimeSession',
      'ReceiveOptions',
      'ResolveHost',
      'ResolvedAddress',
      'SessionErrorCode',
      'SessionHeartbeatOptions',
      'SseChannel',
      'SseEvent',
      'SseFields',
      'SseHandler',
      'SseHistory',
      'SseHistoryOptions',
      'SseSession',
      'Target',
      'WebSocketHandler',
      'WebSocketMessage',
      'WebSocketRouteOptions',
      'WebSocketSession',
    ],
  },
  'statewire/sse': {
    values: ['SSE_DEFAULTS', 'SseConnection', 'StatewireEventSource'],
    types: [
      'Fetch',
      'SseBody',
      'SseCredentials',
      'SseDecode',
      'SseEvent',
      'SseOptions',
      'SseResponse',
      'StatewireEventSourceInit',
    ],
  },
  'statewire/inspect': {
    values: [...INSPECT.values, 'liveView'].sort(),
    types: [...INSPECT.types, 'LiveView', 'LiveViewOptions'].sort(),
  },
  'statewire/testing': {
    values: [
      'FaultProxy',
      'MockCoordinator',
      'MockCrawlConnection',
      'MockCrawlServer',
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
      'MockCrawlServerOptions',
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
const { './package.json': itself, './inspect': inspect, ...others } = manifest.exports;
const { browser: inspectBuiltForPages, ...inspectBuilt } = inspect;
/** For Node; pages get the same, but for one. */
const doors = {
  ...others,
  './inspect': { ...inspectBuilt, 'statewire-source': inspect['statewire-source'].default },
};

/** Where the compiler puts what it makes of a source file. */
const builtFrom = (source: string): string => source.replace(/^\.\/(.*)\.ts$/, './dist/$1.js');

describe('the public API', () => {
  it('has these doors, and the manifest for tools that want to read it', () => {
    expect(
      Object.keys(doors)
        .map((path) => path.replace('.', 'statewire'))
        .sort(),
    ).toEqual(Object.keys(API).sort());
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

describe('"statewire/inspect" in a page', () => {
  const source = inspect['statewire-source'].browser;

  it('is the same as in Node, without the live view', () => {
    expect(exportedNames(new URL(source, root))).toEqual(INSPECT);
    expect(inspectBuiltForPages).toBe(builtFrom(source));
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
