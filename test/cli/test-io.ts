// A process that a test holds in its hand: what is typed, what is printed, which signals come.
import { PassThrough, Writable } from 'node:stream';
import type { ExitCode, Io, Signal } from '../../src/cli/io.ts';
import { run } from '../../src/cli/run.ts';
import { until } from '../../src/testing/wait.ts';

export class Output extends Writable {
  text = '';
  isTTY = false;
  columns = 80;
  #held: (() => void) | undefined;
  #isHolding = false;

  constructor() {
    super({ decodeStrings: false, highWaterMark: 1_024 });
  }

  override _write(chunk: string | Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    if (this.#isHolding) this.#held = done;
    else done();
  }

  /** Takes no more than what is written next, until `release()`: a reader that does not read. */
  hold(): void {
    this.#isHolding = true;
  }

  release(): void {
    this.#isHolding = false;
    this.#held?.();
    this.#held = undefined;
  }

  get lines(): readonly string[] {
    return this.text.split('\n').slice(0, -1);
  }

  /** Every line as JSON. */
  get objects(): readonly Record<string, unknown>[] {
    return this.lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  shows(part: string): Promise<string> {
    return until(() => this.text.includes(part) && this.text, {
      describe: () => `${JSON.stringify(part)} in ${JSON.stringify(this.text)}`,
    });
  }
}

export class TestIo implements Io {
  readonly stdin: PassThrough & { isTTY: boolean } = Object.assign(new PassThrough(), { isTTY: false });
  readonly stdout = new Output();
  readonly stderr = new Output();
  env: Record<string, string> = {};
  /** The codes with which the process was to end at once. */
  readonly exits: number[] = [];
  readonly #handlers: { readonly signal: Signal; readonly handler: () => void }[] = [];

  onSignal(signal: Signal, handler: () => void): () => void {
    const entry = { signal, handler };
    this.#handlers.push(entry);
    return () => this.#handlers.splice(this.#handlers.indexOf(entry), 1);
  }

  exit(code: number): void {
    this.exits.push(code);
  }

  signal(name: Signal): void {
    for (const { signal, handler } of [...this.#handlers]) if (signal === name) handler();
  }

  /** How many signal handlers are installed. */
  get handlers(): number {
    return this.#handlers.length;
  }

  run(...argv: string[]): Promise<ExitCode> {
    return run(argv, this);
  }
}
