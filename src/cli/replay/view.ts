// A recording in the live view, until Ctrl-C.
import type { Recording } from '../../inspection/recording.ts';
import { openView } from '../inspect/inspect.ts';
import type { ExitCode, Io } from '../io.ts';
import { untilEnded } from '../signals.ts';
import { styleOf } from '../style.ts';

/** @throws {UsageError} for a port that is taken */
export async function showRecording(recording: Recording, port: number, io: Io): Promise<ExitCode> {
  await using view = await openView({ port });
  view.show(recording);
  const { bold, dim } = styleOf(io, io.stdout);
  io.stdout.write(`${bold(view.url)}\n${dim('Open it in a browser; Ctrl-C ends it.')}\n`);
  return await untilEnded(io);
}
