// A protocol with every part that a protocol can have, each of which can be broken, and whose frames say what they are.
import type { Frame, Handshake, HandshakeStep, Protocol } from '../../src/index.ts';

/** One message, either way: numbered, the server's word that it has ours, or its word that the session is over. */
export interface Talk {
  readonly talk?: number;
  /** What the server acknowledges this message by. */
  readonly key?: string;
  readonly ack?: string;
  readonly revoked?: boolean;
}

export interface Greeting {
  readonly welcome: number;
}

export const PARTS = [
  ...['handshake', 'receive', 'encode', 'decode', 'revokes', 'resume', 'farewell', 'classifyClose'],
  ...['probe', 'isAnswer', 'idOf', 'acknowledgedBy', 'isOnline', 'random', 'logger', 'credentials'],
] as const;

export type Part = string;

export interface Habits {
  /** Whether there is a handshake. */
  readonly greets: boolean;
  readonly acknowledges: boolean;
  readonly probe: 'ping' | 'frame' | 'none';
  readonly when: 'whenQuiet' | 'always';
}

/** A frame of the handshake, the resumption, the heartbeat or the farewell, or a message: all are told apart. */
const KINDS = ['hello', 'step', 'again', 'probe', 'bye'] as const;

export type FrameKind = (typeof KINDS)[number] | 'talk';

const special = (kind: FrameKind): string => JSON.stringify({ [kind]: true });

/** The same few frames are looked at over and over. */
const parsed = new Map<string, Talk>();

export function talkOf(frame: Frame): Talk {
  const text = String(frame);
  const content = parsed.get(text) ?? (JSON.parse(text) as Talk);
  parsed.set(text, content);
  return content;
}

export function kindOf(frame: Frame): FrameKind {
  const content = talkOf(frame);
  return KINDS.find((kind) => kind in content) ?? 'talk';
}

/** The protocol; a part whose name is in `broken` throws. */
export function talkProtocol(
  habits: Habits,
  broken: ReadonlySet<Part>,
): Protocol<Talk, Talk, Greeting, string> {
  const need = (part: Part) => {
    if (broken.has(part)) throw new Error(`${part} is broken`);
  };
  const protocol: Protocol<Talk, Talk, Greeting, string> = {
    name: 'talk',
    encode: (message) => {
      need('encode');
      return JSON.stringify(message);
    },
    decode: (frame) => {
      need('decode');
      return talkFrom(frame);
    },
    revokes: (message) => {
      need('revokes');
      return message.revoked === true ? { cure: 'refresh', explanation: 'The session is over.' } : undefined;
    },
    resume: () => {
      need('resume');
      return [special('again')];
    },
    farewell: () => {
      need('farewell');
      return [special('bye')];
    },
    classifyClose: () => {
      need('classifyClose');
      return undefined;
    },
  };
  return {
    ...protocol,
    ...(habits.greets && {
      handshake: () => {
        need('handshake');
        return greeting(need);
      },
    }),
    ...(habits.probe !== 'none' && { heartbeat: heartbeatOf(habits, need) }),
    ...(habits.acknowledges && {
      acknowledgements: {
        idOf: ({ key }: Talk) => {
          need('idOf');
          return key;
        },
        acknowledgedBy: ({ ack }: Talk) => {
          need('acknowledgedBy');
          return ack;
        },
      },
    }),
  };
}

function talkFrom(frame: Frame): Talk {
  const content: unknown = JSON.parse(typeof frame === 'string' ? frame : new TextDecoder().decode(frame));
  if (typeof content !== 'object' || content === null) throw new TypeError('Expected an object.');
  return content;
}

function heartbeatOf({ probe, when }: Habits, need: (part: Part) => void) {
  if (probe === 'ping') return { probe: 'ping', when } as const;
  return {
    when,
    probe: () => {
      need('probe');
      return special('probe');
    },
    isAnswer: ({ talk }: Talk) => {
      need('isAnswer');
      return talk !== undefined;
    },
  };
}

function greeting(need: (part: Part) => void): Handshake<Talk, Greeting> {
  return {
    opening: [special('hello')],
    receive: (frame): HandshakeStep<Talk, Greeting> => {
      need('receive');
      const said = JSON.parse(String(frame)) as Record<string, unknown>;
      if ('challenge' in said) return { status: 'pending', send: [special('step')] };
      if (typeof said['welcome'] === 'number')
        return { status: 'accepted', welcome: { welcome: said['welcome'] }, send: [special('step')] };
      const cure = said['rejected'];
      if (cure === 'refresh' || cure === 'stop' || cure === 'retry')
        return { status: 'rejected', cure, explanation: 'No.' };
      throw new TypeError('Neither a welcome nor a refusal.');
    },
  };
}
