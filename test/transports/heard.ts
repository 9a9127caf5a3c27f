// What a link told its owner, in order, and links to a puppet server that record it.
import { systemClock, type Clock } from '../../src/clock.ts';
import { PuppetServer, until, type PuppetSocket } from '../../src/testing/index.ts';
import type {
  ConnectTimings,
  Frame,
  Link,
  LinkEnd,
  LinkEvents,
  Transport,
} from '../../src/transports/transport.ts';

export class Heard implements LinkEvents {
  readonly log: string[] = [];
  readonly frames: Frame[] = [];
  readonly ends: LinkEnd[] = [];
  subprotocol: string | undefined;
  timings: ConnectTimings | undefined;
  pongs = 0;
  onOpened = (): void => undefined;
  onReceived = (): void => undefined;

  opened({ subprotocol, timings }: Parameters<LinkEvents['opened']>[0]): void {
    this.log.push('opened');
    this.subprotocol = subprotocol;
    this.timings = timings;
    this.onOpened();
  }

  received(frame: Frame): void {
    this.log.push('received');
    this.frames.push(frame);
    this.onReceived();
  }

  ponged(): void {
    this.log.push('ponged');
    this.pongs += 1;
  }

  ended(end: LinkEnd): void {
    this.log.push('ended');
    this.ends.push(end);
  }

  end(): Promise<LinkEnd> {
    return until(() => this.ends[0], { describe: 'the end of the link' });
  }
}

export interface Dial {
  readonly url: string;
  readonly subprotocols?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly clock?: Clock;
}

/** Begins to open a link. */
export function dial(
  transport: Transport,
  { url, subprotocols = [], headers = {}, clock = systemClock }: Dial,
) {
  const heard = new Heard();
  const link = transport.open({ url, subprotocols, headers }, heard, clock);
  return { link, heard };
}

/** An open link with its other end. Ends with its scope. */
export interface Pair extends AsyncDisposable {
  readonly server: PuppetServer;
  readonly link: Link;
  readonly heard: Heard;
  readonly peer: PuppetSocket;
}

export async function openPair(transport: Transport, options: Omit<Dial, 'url'> = {}): Promise<Pair> {
  const server = await PuppetServer.listen();
  const { link, heard } = dial(transport, { url: server.url, ...options });
  const peer = await server.accept();
  await until(() => heard.log.includes('opened'));
  const end = async (): Promise<void> => {
    link.terminate();
    await server.close();
  };
  return { server, link, heard, peer, [Symbol.asyncDispose]: end };
}
