// `statewire serve demo`: endpoints to try a client with, and a page that shows them, until somebody ends it.
import { addDemoPage } from '../../demo-server/page-route.ts';
import { addDemoRoutes, DEMO_PATHS } from '../../demo-server/routes.ts';
import { createRealtimeServer, type RealtimeServer } from '../../server/index.ts';
import type { ExitCode, Io } from '../io.ts';
import { count, styleOf } from '../style.ts';
import type { ServeDemoSettings } from './command.ts';
import { isLoopback, listening, loggerOf, serveUntilEnded, warn } from './serving.ts';

/** @throws {UsageError} for an address that cannot be listened at */
export async function serveDemo(settings: ServeDemoSettings, io: Io): Promise<ExitCode> {
  const server = await listening(settings, () => start(settings, io));
  announce(server, settings, io);
  const running = (): string | undefined => {
    const { size } = server.connections;
    return size > 0 ? count(size, 'connection') : undefined;
  };
  return serveUntilEnded({ running, close: () => server.close() }, io);
}

async function start(
  { port, host, seed, pace, isQuiet }: ServeDemoSettings,
  io: Io,
): Promise<RealtimeServer> {
  const server = createRealtimeServer({ port, host, ...(!isQuiet && { logger: loggerOf(io) }) });
  addDemoPage(addDemoRoutes(server, { seed, pace }));
  return server.listen();
}

function announce({ url }: RealtimeServer, { host, seed }: ServeDemoSettings, io: Io): void {
  const { bold, dim } = styleOf(io, io.stdout);
  const ws = url.replace(/^http/, 'ws');
  const lines = [
    `${bold(url)}  ${dim('A demo server; open it in a browser; Ctrl-C ends it.')}`,
    '',
    ...listed('WebSocket', DEMO_PATHS.webSocket, ws),
    ...listed('SSE', DEMO_PATHS.sse, url),
    '',
    `  ${'Seed'.padEnd(9)}  ${seed}  ${dim('With --seed the data is the same again.')}`,
    '',
    `  statewire connect ${ws}/ws/echo`,
  ];
  io.stdout.write(`${lines.join('\n')}\n`);
  if (!isLoopback(host)) warn('Everybody who reaches this address may use it.', io);
}

const listed = (name: string, paths: readonly string[], base: string): readonly string[] =>
  paths.map((path, index) => `  ${(index === 0 ? name : '').padEnd(9)}  ${base}${path}`);
