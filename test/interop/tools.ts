// The implementations that nobody here wrote: where they are, and how they are started and always ended.
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import type { Tool } from '../support/tools.ts';

const python = (module: string): Tool => ({
  name: `Python with ${module}`,
  variable: 'PYTHON_PATH',
  // Whichever Python comes first in PATH may be another one than Debian's, without its packages.
  candidates: ['/usr/bin/python3'],
  remedy: `run "apt-get install -y python3-${module}"`,
  proof: ['-c', `import ${module}`],
});

export const WEBSOCKETS = python('websockets');
export const AIOHTTP = python('aiohttp');

export const CURL: Tool = {
  name: 'curl',
  variable: 'CURL_PATH',
  candidates: ['/usr/bin/curl', '/usr/local/bin/curl'],
  remedy: 'run "apt-get install -y curl"',
};

export const NGINX: Tool = {
  name: 'nginx',
  variable: 'NGINX_PATH',
  candidates: ['/usr/sbin/nginx', '/usr/local/sbin/nginx', '/usr/local/bin/nginx'],
  remedy: 'run "apt-get install -y nginx"',
};

/** A process of a test. It ends with its scope, and with the process that started it. */
export class Running implements AsyncDisposable {
  readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #exited: Promise<unknown>;
  readonly #out: Buffer[] = [];
  #err = '';
  #hasEnded = false;

  constructor(path: string, argv: readonly string[], guard: readonly string[] = []) {
    // A test runner that is killed itself cannot end anybody any more.
    const command = [...lifeline(guard), path, ...argv];
    this.child = spawn(command[0] ?? path, command.slice(1), { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#exited = new Promise((resolve, reject) => {
      this.child.once('error', reject);
      this.child.once('close', resolve);
    });
    this.#exited.then(
      () => (this.#hasEnded = true),
      () => (this.#hasEnded = true),
    );
    this.child.stdin.on('error', () => undefined);
    this.child.stdout.on('data', (chunk: Buffer) => this.#out.push(chunk));
    this.child.stderr.on('data', (chunk: Buffer) => (this.#err += chunk.toString()));
  }

  /** All that it wrote to standard output. */
  get bytes(): Buffer {
    return Buffer.concat(this.#out);
  }

  get errors(): string {
    return this.#err;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** The exit status, once it has ended and all that it wrote was read; `null` for one that was killed. */
  async ended(): Promise<number | null> {
    await this.#exited;
    return this.child.exitCode;
  }

  /** Nothing runs in it any more; its sockets stay open. */
  freeze(): void {
    this.child.kill('SIGSTOP');
  }

  thaw(): void {
    this.child.kill('SIGCONT');
  }

  /** Ends it at once, frozen or not. Resolves when nothing is left of it. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.#exited;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }
}

const SETPRIV = '/usr/bin/setpriv';

function lifeline(guard: readonly string[]): readonly string[] {
  return existsSync(SETPRIV) ? [SETPRIV, '--pdeathsig', 'KILL', ...guard] : [];
}

/** The user and group `nobody`, for a process that needs no rights; nothing when we have none to give up. */
export const NOBODY = 65_534;
export const asNobody: readonly string[] =
  process.getuid?.() === 0 ? [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'] : [];

/**
 * A TCP port that is free, and stays so while its owner is away: it is outside of the range from which Linux takes ports
 * for those who ask for any.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    if (await isFree(port)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}
