// `statewire replay`: reads a recording, folds the machine over it, and prints what happened.
import type { Recording } from '../../inspection/recording.ts';
import { replay, type Replay } from '../../inspection/replay.ts';
import { EXIT, type ExitCode, type Io } from '../io.ts';
import { orUsageError, readRecording } from '../recording-file.ts';
import { count, harmless, styleOf } from '../style.ts';
import type { ReplaySettings } from './command.ts';
import { headingOf, jsonLineOf, lineOf } from './lines.ts';

/** @throws {UsageError} for a file that cannot be read, or that holds no recording */
export async function replayFile({ file, output, viewPort }: ReplaySettings, io: Io): Promise<ExitCode> {
  const recording = await readRecording(file, io);
  if (viewPort !== undefined) {
    const { showRecording } = await import('./view.ts');
    return showRecording(recording, viewPort, io);
  }
  const played = orUsageError(file, () => replay(recording));
  if (output === 'json') for (const step of played.steps) io.stdout.write(`${jsonLineOf(step)}\n`);
  else printAsText(recording, played, io);
  return played.differences.length === 0 ? EXIT.done : EXIT.failed;
}

function printAsText(recording: Recording, played: Replay, io: Io): void {
  const style = styleOf(io, io.stdout);
  const print = (line: string) => io.stdout.write(`${line}\n`);
  for (const line of headingOf(recording, style)) print(line);
  if (!played.isSameMachine)
    print(
      style.yellow(
        `This was recorded by another version of the machine "${harmless(recording.machine.id)}".`,
      ),
    );
  print('');
  const startMs = recording.events[0]?.atMs ?? 0;
  for (const step of played.steps) print(lineOf(step, startMs, style));
  print('');
  const { length } = played.differences;
  const verdict =
    length === 0
      ? style.green('✔ the same states as recorded')
      : style.red(`✘ ${count(length, 'event')} led elsewhere`);
  print(`${verdict}${style.dim(`  ${count(played.steps.length, 'event')}`)}`);
}
