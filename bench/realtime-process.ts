// A server of the realtime benchmark as its measurements see it: started, asked, and stopped. One that ends by itself
// has found something wrong, and ends the benchmark.
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Answer, Task } from './realtime-server.ts';

/** No measurement takes as long; a message that is lost is waited for in vain. */
const PATIENCE_MS = 60_000;

export class ServerProcess implements AsyncDisposable {
  readonly name: string;
  readonly port: number;
  readonly #child: ChildProcess;

  private constructor(name: string, port: number, child: ChildProcess) {
    this.name = name;
    this.port = port;
    this.#child = child;
    child.once('exit', (code) => {
      if (child.connected || code !== 0)
        throw new Error(`The server "${name}" has ended with ${String(code)}.`);
    });
  }

  static async start(name: string): Promise<ServerProcess> {
    const child = fork(new URL('realtime-server.js', import.meta.url), [name], {
      execArgv: [...process.execArgv, '--expose-gc'],
    });
    const [port] = (await once(child, 'message')) as [number];
    return new ServerProcess(name, port, child);
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async ask(task: Task): Promise<Answer> {
    const answered = once(this.#child, 'message', { signal: AbortSignal.timeout(PATIENCE_MS) });
    this.#child.send(task);
    const [answer] = (await answered) as [Answer];
    return answer;
  }

  /** What it did, and the milliseconds of its processor time that it took. */
  async processorMsOf<Done>(work: () => Promise<Done>): Promise<readonly [Done, number]> {
    const before = await this.ask({ do: 'usage' });
    const done = await work();
    const after = await this.ask({ do: 'usage' });
    return [done, after.processorMs - before.processorMs];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const isOver = once(this.#child, 'exit');
    this.#child.disconnect();
    await isOver;
  }
}

/** @throws {Error} when it takes so long that something must be missing */
export async function inTime<Done>(what: string, work: Promise<Done>): Promise<Done> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: something is missing after a minute.`)), PATIENCE_MS);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
