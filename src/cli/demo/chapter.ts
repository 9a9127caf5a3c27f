// What a chapter of the demo is. To add one: a file in chapters/, and its name in chapters/index.ts.
import type { Stage } from './stage.ts';

export interface Chapter {
  /** The fault in a few words: the heading, and the row of the table. At most 44 characters. */
  readonly title: string;
  /** What is about to be done, in one line of at most 96 characters. */
  readonly announcement: string;
  /**
   * Does it, and checks what it claims with `stage.check()`. A chapter without a check that holds has survived nothing.
   * What it throws is a failed check.
   */
  run(stage: Stage): Promise<Outcome>;
}

/** What the table shows of a chapter; what does not apply is absent. */
export interface Outcome {
  /** From the fault until the connection had noticed it, in milliseconds. */
  readonly noticedAfterMs?: number;
  /** From the fault until the connection was open again, in milliseconds. */
  readonly recoveredAfterMs?: number;
  /** Attempts that it took. */
  readonly attempts?: number;
}

/** Something that chapters share: made when the first of them needs it, disposed of after the last. */
export type Prop<Value extends AsyncDisposable> = (stage: Stage) => Promise<Value>;
