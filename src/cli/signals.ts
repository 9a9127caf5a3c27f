// Commands that go on until somebody ends them.
import { EXIT, type ExitCode, type Io } from './io.ts';

/**
 * Resolves at the first Ctrl-C, which is how such a command is meant to end, or at SIGTERM. Until then the process goes on:
 * neither a live view nor the handler of a signal keeps it alive.
 */
export async function untilEnded(io: Io): Promise<ExitCode> {
  const hold = setInterval(() => undefined, 60_000);
  const forget: (() => void)[] = [];
  const code = await new Promise<ExitCode>((resolve) => {
    forget.push(
      io.onSignal('SIGINT', () => resolve(EXIT.done)),
      io.onSignal('SIGTERM', () => resolve(EXIT.terminated)),
    );
  });
  for (const one of forget) one();
  clearInterval(hold);
  return code;
}
