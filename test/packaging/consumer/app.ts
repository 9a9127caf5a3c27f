// What a user writes for Node and for browsers alike. `npm run smoke` compiles it against the packed package.
import {
  Connection,
  fullJitterBackoff,
  type ConnectionError,
  type ConnectionOptions,
  type Protocol,
  type StateChange,
} from 'statewire';
import { CoordinatorClient } from 'statewire/coordinator';
import { remoteInspector, replay, type Inspector, type Recording } from 'statewire/inspect';
import { connectionMachine, selectState, type ConnectionState } from 'statewire/machines';

interface Chat {
  readonly text: string;
}

const chat: Protocol<Chat> = {
  name: 'chat',
  encode: ({ text }) => text,
  decode: (frame) => ({ text: String(frame) }),
};

/** Says a word, and resolves with the answer and with every state that the connection went through. */
export async function converse(url: string, word: string): Promise<{ answer: string; states: string[] }> {
  const options: ConnectionOptions<Chat> = {
    url,
    protocol: chat,
    retry: { backoff: fullJitterBackoff(), maxAttempts: 3 },
    heartbeat: false,
    webSocket: { maxPayloadBytes: 1_000_000 },
  };
  await using connection = new Connection(options);
  const states: (ConnectionState | ConnectionError['code'])[] = [];
  connection.on('statechange', ({ state }: StateChange) => states.push(state));
  connection.on('failed', ({ code }: ConnectionError) =>
    states.push(selectState(connection.actor.getSnapshot()), code),
  );
  const answered = new Promise<Chat>((resolve) => connection.once('message', resolve));
  await connection.connect();
  connection.send({ text: word });
  const { text } = await answered;
  await connection.disconnect();
  return { answer: text, states };
}

/** The id that a coordinator gives. */
export async function identify(url: string, token: string): Promise<string | undefined> {
  const client = new CoordinatorClient('key', () => Promise.resolve(token), 'jane', { url });
  await client.connect();
  const { connectionId } = client;
  await client.disconnect();
  return connectionId;
}

/** Where a recording ends, and an inspector that tells nobody. */
export const lastState = (recording: Recording): unknown => replay(recording).steps.at(-1)?.after.value;
export const inspector: Inspector = remoteInspector({ url: 'ws://127.0.0.1:1', maxWaiting: 1 });

export const initialState = connectionMachine.config.initial;

// @ts-expect-error -- were the types not found, everything would be `any`, and this allowed
export const refused = (): unknown => chat.encode(5);
