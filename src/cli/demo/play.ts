// `statewire demo` with what is around it: the live view, if it is wanted, before, during and after.
import { EXIT, type ExitCode, type Io } from '../io.ts';
import { untilEnded } from '../signals.ts';
import { styleOf } from '../style.ts';
import type { DemoSettings } from './command.ts';
import { demo } from './demo.ts';

/** @throws {UsageError} for a port that is taken */
export async function playDemo({ viewPort, wait }: DemoSettings, io: Io): Promise<ExitCode> {
  if (viewPort === undefined) return demo(io);
  // A server of which nothing is needed for the demo alone.
  const { openView } = await import('../inspect/inspect.ts');
  await using view = await openView({ port: viewPort });
  const { bold, dim } = styleOf(io, io.stdout);
  io.stdout.write(`${bold(view.url)}  ${dim('Open it in a browser to watch the machines.')}\n\n`);
  const code = await demo(io, { inspect: view });
  const isOver = code === EXIT.done || code === EXIT.failed;
  if (!wait || !isOver || io.stdout.isTTY !== true) return code;
  io.stdout.write(dim(`\n${view.url} is still there: go back in time, save a recording. Ctrl-C ends it.\n`));
  return Math.max(code, await untilEnded(io)) as ExitCode;
}
