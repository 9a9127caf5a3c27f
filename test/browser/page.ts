// What the page under test runs: it makes connections, and keeps a record of what each of them told.
import { binary, Connection, fixedBackoff, type ConnectionOptions, type StateChange } from 'statewire';
import { CoordinatorClient, type CoordinatorEvent } from 'statewire/coordinator';
import { guarded, type Message, type Welcome } from '../support/guarded-protocol.ts';

export interface Life {
  readonly connection: Connection<Message, Message, Welcome, string>;
  readonly changes: StateChange[];
  readonly messages: Message[];
}

/** Makes a connection with a password and a heartbeat that a browser can send, and retries after `retryMs`. */
function live(url: string, { retryMs }: { readonly retryMs: number }): Life {
  const options: ConnectionOptions<Message, Message, Welcome, string> = {
    url,
    protocol: { ...guarded, heartbeat: { probe: () => JSON.stringify({ type: 'are you there?' }) } },
    credentials: 'secret',
    retry: { backoff: fixedBackoff({ delayMs: retryMs }) },
  };
  const connection = new Connection(options);
  const life: Life = { connection, changes: [], messages: [] };
  connection.on('statechange', (change) => life.changes.push(change));
  connection.on('message', (message) => life.messages.push(message));
  return life;
}

/** Sends bytes, and resolves with those that come back. */
async function exchangeBytes(url: string, bytes: readonly number[]): Promise<number[]> {
  const connection = new Connection({ url, protocol: binary() });
  await connection.connect();
  const answer = new Promise<Uint8Array>((resolve) => connection.once('message', resolve));
  connection.send(new Uint8Array(bytes));
  const received = [...(await answer)];
  await connection.disconnect();
  return received;
}

export interface CoordinatorLife {
  readonly client: CoordinatorClient;
  readonly events: CoordinatorEvent[];
}

function coordinate(url: string, token: string): CoordinatorLife {
  const client = new CoordinatorClient('key', token, 'jane', { url, backoffBaseMs: 10 });
  const events: CoordinatorEvent[] = [];
  client.on('call.*', (event) => events.push(event));
  return { client, events };
}

export const underTest = { live, exchangeBytes, coordinate };

type UnderTest = typeof underTest;

declare global {
  /** Set by the script of the page. */
  var underTest: UnderTest;
}
