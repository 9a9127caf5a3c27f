// nginx as a reverse proxy of a test's own: in a folder of its own, without rights, at a port that it keeps.
import { once } from 'node:events';
import { chown, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asNobody, freePort, NOBODY, Running } from './tools.ts';

export class Nginx implements AsyncDisposable {
  readonly port: number;
  readonly #path: string;
  readonly #folder: string;
  #process: Running | undefined;

  private constructor(path: string, folder: string, port: number) {
    this.#path = path;
    this.#folder = folder;
    this.port = port;
  }

  /** Starts one in front of a server on loopback. */
  static async start(path: string, upstream: number): Promise<Nginx> {
    const folder = await mkdtemp(join(tmpdir(), 'statewire-nginx-'));
    const nginx = new Nginx(path, folder, await freePort());
    try {
      const template = await readFile(join(import.meta.dirname, 'nginx.conf'), 'utf8');
      const config = template
        .replaceAll('@port@', String(nginx.port))
        .replaceAll('@upstream@', String(upstream));
      await writeFile(join(folder, 'nginx.conf'), config);
      if (asNobody.length > 0) await chown(folder, NOBODY, NOBODY);
      await nginx.startAgain();
      return nginx;
    } catch (error) {
      await nginx[Symbol.asyncDispose]();
      throw error;
    }
  }

  get authority(): string {
    return `127.0.0.1:${this.port}`;
  }

  get process(): Running {
    if (this.#process === undefined) throw new Error('nginx does not run.');
    return this.#process;
  }

  /** Starts it at the same port as before. */
  async startAgain(): Promise<void> {
    this.#process = new Running(
      this.#path,
      ['-p', this.#folder, '-e', 'stderr', '-c', 'nginx.conf'],
      asNobody,
    );
    while (!(await accepts(this.port)))
      if (this.#process.hasEnded) throw new Error(`nginx does not start: ${this.#process.errors}`);
  }

  async kill(): Promise<void> {
    await this.#process?.kill();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
