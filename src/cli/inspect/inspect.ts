// `statewire inspect`: a live view for other processes and pages, until Ctrl-C.
import { liveView, type LiveView, type LiveViewOptions } from '../../../visualizations/live/server.ts';
import { UsageError, type ExitCode, type Io } from '../io.ts';
import { readRecording } from '../recording-file.ts';
import { untilEnded } from '../signals.ts';
import { styleOf } from '../style.ts';
import { DEFAULT_PORT, type InspectSettings } from './command.ts';

/** @throws {UsageError} for a port that is taken, and for a file that holds no recording */
export async function inspect({ port, allowOrigins, files }: InspectSettings, io: Io): Promise<ExitCode> {
  const recordings = await Promise.all(files.map((file) => readRecording(file, io)));
  await using view = await openView({ port, allowOrigins });
  for (const recording of recordings) view.show(recording);
  const { bold, dim } = styleOf(io, io.stdout);
  const address = view.url.replace('http:', 'ws:');
  const given = port === DEFAULT_PORT ? '' : `{ url: '${address}' }`;
  const lines = [
    `${bold(view.url)}  ${dim('Open it in a browser; Ctrl-C ends it.')}`,
    '',
    'Let an application tell of its connections, or of any XState 5 actor:',
    `  new Connection({ url, inspect: remoteInspector(${given}) })    ${dim("from 'statewire/inspect'")}`,
    `  createWebSocketInspector({ url: '${address}' })    ${dim("from '@statelyai/inspect'")}`,
  ];
  io.stdout.write(`${lines.join('\n')}\n`);
  return await untilEnded(io);
}

/** @throws {UsageError} for a port that is taken, or that only the system may use */
export async function openView(options: LiveViewOptions): Promise<LiveView> {
  try {
    return await liveView(options);
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    if (code !== 'EADDRINUSE' && code !== 'EACCES') throw thrown;
    const why = code === 'EACCES' ? 'needs rights that you do not have' : 'is taken';
    throw new UsageError(
      `Port ${options.port ?? 0} ${why}.`,
      'Give another one with --port, or 0 for any that is free.',
    );
  }
}
