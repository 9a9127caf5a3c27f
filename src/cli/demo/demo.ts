// `statewire demo`: plays the chapters one after the other, and draws up the account.
import { textOf } from '../../errors.ts';
import type { Inspector } from '../../inspection/inspector.ts';
import { EXIT, type ExitCode, type Io } from '../io.ts';
import { pad, padStart, seconds, type Style } from '../style.ts';
import type { Chapter, Outcome } from './chapter.ts';
import { CHAPTERS } from './chapters/index.ts';
import { Stage } from './stage.ts';
import { pause } from './waiting.ts';

interface Row extends Outcome {
  readonly title: string;
  /** The claims that did not hold. */
  readonly broken: readonly string[];
}

/** A chapter that hangs has not survived. */
const CHAPTER_LIMIT_MS = 20_000;
const PAUSE_MS = 500;

export interface DemoOptions {
  readonly chapters?: readonly Chapter[];
  /** Time to read what is about to happen, in milliseconds. */
  readonly pauseMs?: number;
  /** Looks at every connection of the demo. */
  readonly inspect?: Inspector;
}

/** Resolves with 0 only if every claim of every chapter held, with nothing left open. */
export async function demo(
  io: Io,
  { chapters = CHAPTERS, pauseMs = PAUSE_MS, inspect }: DemoOptions = {},
): Promise<ExitCode> {
  const stage = new Stage(io, inspect);
  const interruption = interruptionOf(io);
  const gone = (): void => interruption.interrupt(EXIT.failed);
  io.stdout.on('error', gone);
  const playing = play(stage, chapters, { pauseMs, over: interruption.signal });
  try {
    return await Promise.race([playing, interruption.code]);
  } finally {
    if (interruption.signal.aborted) stage.print('\nInterrupted.');
    stage.silence();
    await stage.clear();
    await playing;
    interruption.release();
    io.stdout.off('error', gone);
  }
}

async function play(
  stage: Stage,
  chapters: readonly Chapter[],
  { pauseMs, over }: { readonly pauseMs: number; readonly over: AbortSignal },
): Promise<ExitCode> {
  const { bold, dim } = stage.style;
  stage.print(bold('statewire demo') + dim('  clients, servers, and what can go wrong between them'));
  stage.print(
    dim(
      'A coordinator client, a crawl, a chat and a stream, through a fault proxy on 127.0.0.1. Real faults.',
    ),
  );
  const rows: Row[] = [];
  for (const [index, chapter] of chapters.entries()) {
    if (over.aborted) break;
    stage.open(chapter, index + 1);
    await pause(pauseMs, over);
    const outcome = await perform(chapter, stage);
    rows.push({ title: chapter.title, ...outcome, broken: stage.broken });
  }
  if (!over.aborted) printAccount(rows, stage);
  return rows.every(({ broken }) => broken.length === 0) ? EXIT.done : EXIT.failed;
}

async function perform(chapter: Chapter, stage: Stage): Promise<Outcome> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tooLong = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`not over after ${seconds(CHAPTER_LIMIT_MS, 0)}`)),
      CHAPTER_LIMIT_MS,
    );
  });
  try {
    return await Promise.race([chapter.run(stage), tooLong]);
  } catch (thrown) {
    stage.check(textOf(thrown), false);
    return {};
  } finally {
    clearTimeout(timer);
  }
}

const CELLS = { title: 44, duration: 13, attempts: 11 } as const;

function printAccount(rows: readonly Row[], stage: Stage): void {
  const { bold, dim } = stage.style;
  const heading =
    pad('What happened', CELLS.title) +
    padStart('noticed after', CELLS.duration + 2) +
    padStart('open again', CELLS.duration) +
    padStart('attempts', CELLS.attempts);
  stage.print();
  stage.print(bold(`   ${heading}`));
  for (const row of rows) stage.print(lineOf(row, stage.style));
  stage.print();
  const lost = rows.filter(({ broken }) => broken.length > 0);
  for (const { title, broken } of lost)
    for (const claim of broken) stage.print(stage.style.red(`✘ ${title}: ${claim}`));
  const survived = `${rows.length - lost.length} of ${rows.length} survived`;
  const verdict = lost.length === 0 ? stage.style.green(`✔ ${survived}`) : stage.style.red(`✘ ${survived}`);
  stage.print(verdict + dim(` in ${seconds(stage.elapsedMs, 1)}`));
}

function lineOf({ title, noticedAfterMs, recoveredAfterMs, attempts, broken }: Row, style: Style): string {
  const duration = (ms: number | undefined) => (ms === undefined ? '–' : seconds(ms));
  const figures =
    padStart(duration(noticedAfterMs), CELLS.duration + 2) +
    padStart(duration(recoveredAfterMs), CELLS.duration) +
    padStart(attempts === undefined ? '–' : String(attempts), CELLS.attempts);
  return ` ${broken.length === 0 ? style.green('✔') : style.red('✘')} ${pad(title, CELLS.title)}${figures}`;
}

/** The first signal ends the demo as soon as it has tidied up, the second one at once. */
function interruptionOf(io: Io): {
  readonly signal: AbortSignal;
  readonly code: Promise<ExitCode>;
  readonly interrupt: (code: ExitCode) => void;
  readonly release: () => void;
} {
  const over = new AbortController();
  let interrupt!: (code: ExitCode) => void;
  const code = new Promise<ExitCode>((resolve) => {
    interrupt = (code) => {
      if (over.signal.aborted) io.exit(code);
      over.abort();
      resolve(code);
    };
  });
  const forget = [
    io.onSignal('SIGINT', () => interrupt(EXIT.interrupted)),
    io.onSignal('SIGTERM', () => interrupt(EXIT.terminated)),
  ];
  const release = () => {
    for (const one of forget) one();
  };
  return { signal: over.signal, code, interrupt, release };
}
