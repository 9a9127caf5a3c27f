// `statewire serve channels`: a hub that routes messages by channel, until somebody ends it.
import {
  createChannelHub,
  memoryBroker,
  MEMORY_BROKER_DEFAULTS,
  type Broker,
  type ChannelHub,
} from '../../server/index.ts';
import { natsBroker } from '../../server/channels/nats/broker.ts';
import { loadPackages } from '../../server/channels/nats/packages.ts';
import { textOf } from '../../errors.ts';
import { UsageError, type ExitCode, type Io } from '../io.ts';
import { count, styleOf } from '../style.ts';
import type { ServeChannelsSettings } from './command.ts';
import { isLoopback, listening, loggerOf, serveUntilEnded, warn } from './serving.ts';

const HEALTH_PATH = '/health';
const METRICS_PATH = '/metrics';

/** @throws {UsageError} for an address that cannot be listened at */
export async function serveChannels(settings: ServeChannelsSettings, io: Io): Promise<ExitCode> {
  const broker = await brokerOf(settings);
  const hub = await listening(settings, () => start(settings, broker, io));
  announce(hub, settings, io);
  const over = new AbortController();
  if (settings.nats !== undefined) void tellWhetherReached(broker, over.signal, io);
  const running = (): string | undefined => {
    const { clients } = hub.metrics;
    return clients > 0 ? count(clients, 'client') : undefined;
  };
  const close = async (): Promise<void> => {
    over.abort();
    await hub.close();
    await broker.close();
  };
  return serveUntilEnded({ running, close }, io);
}

async function brokerOf({ nats, history }: ServeChannelsSettings): Promise<Broker> {
  const kept = history === undefined ? {} : { maxMessages: history };
  if (nats === undefined) return memoryBroker(kept);
  await loadPackages().catch((thrown: unknown) => {
    throw new UsageError('--nats needs two packages that are not installed.', textOf(thrown));
  });
  return natsBroker({ ...nats, ...kept });
}

/** Whoever asks for a channel meanwhile waits; it is for whoever started this to know why. */
async function tellWhetherReached(broker: Broker, signal: AbortSignal, io: Io): Promise<void> {
  try {
    await broker.replay('news', { after: 0, upTo: 0 });
  } catch (thrown) {
    if (!signal.aborted) warn(`${textOf(thrown)} It is tried again until it answers.`, io);
  }
}

async function start(
  { port, host, path, echo, presence, hasMetrics, isQuiet }: ServeChannelsSettings,
  broker: Broker,
  io: Io,
): Promise<ChannelHub> {
  const hub = createChannelHub({
    ...{ port, host, path, echo, presence, broker },
    healthPath: HEALTH_PATH,
    metricsPath: hasMetrics ? METRICS_PATH : false,
    ...(!isQuiet && { logger: loggerOf(io) }),
  });
  try {
    return await hub.listen();
  } catch (thrown) {
    await broker.close();
    throw thrown;
  }
}

function announce(hub: ChannelHub, settings: ServeChannelsSettings, io: Io): void {
  const { bold, dim } = styleOf(io, io.stdout);
  const { host, nats, history = MEMORY_BROKER_DEFAULTS.maxMessages, hasMetrics } = settings;
  const { url, webSocketUrl } = hub;
  const kept = `the last ${count(history, 'message')} of each channel`;
  const where = nats === undefined ? 'in memory, until it ends' : `by NATS at ${nats.servers.join(', ')}`;
  const lines = [
    `${bold(url)}  ${dim('A channel hub; Ctrl-C ends it.')}`,
    '',
    `  WebSocket  ${webSocketUrl}`,
    `  Health     ${url}${HEALTH_PATH}`,
    ...(hasMetrics ? [`  Metrics    ${url}${METRICS_PATH}`] : []),
    `  Kept       ${history === 0 ? 'nothing' : `${kept}, ${where}`}`,
    '',
    `  statewire subscribe news --url ${webSocketUrl}`,
    `  statewire publish news hello --url ${webSocketUrl}`,
  ];
  io.stdout.write(`${lines.join('\n')}\n`);
  if (!isLoopback(host)) warn('Everybody who reaches this address may read and write every channel.', io);
}
