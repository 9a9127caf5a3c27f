// curl as a client: what it was told, and what it got, byte for byte.
import { until } from '../../src/testing/wait.ts';
import { PATIENCE } from './messages.ts';
import { Running } from './tools.ts';

export interface CurlAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** One request that is being answered. */
export class Curl implements AsyncDisposable {
  readonly process: Running;

  /** @param argv more than `--include --silent --no-buffer`, and the URL */
  constructor(path: string, argv: readonly string[]) {
    // Whoever runs the tests may have settings of their own for curl, such as a proxy.
    this.process = new Running(path, ['--disable', '--noproxy', '*', '--include', '-s', '-N', ...argv]);
  }

  /** All that came after the head. */
  get body(): string {
    const text = this.process.bytes.toString();
    return text.slice(text.indexOf('\r\n\r\n') + 4);
  }

  /** Waits until the body is exactly this. */
  async got(body: string): Promise<void> {
    const describe = (): string => `${JSON.stringify(body)}; curl got ${JSON.stringify(this.body)}`;
    await until(() => this.process.bytes.includes('\r\n\r\n') && this.body === body, {
      describe,
      ...PATIENCE,
    });
  }

  /** Waits until it has ended by itself. */
  async answer(): Promise<CurlAnswer> {
    await this.process.ended();
    const [head = ''] = this.process.bytes.toString().split('\r\n\r\n');
    const [first = '', ...lines] = head.split('\r\n');
    const headers = lines.map((line) => {
      const [name = '', ...rest] = line.split(':');
      return [name.toLowerCase(), rest.join(':').trim()];
    });
    return {
      status: Number(first.split(' ')[1]),
      headers: Object.fromEntries(headers) as Record<string, string>,
      body: this.body,
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.process.kill();
  }
}
