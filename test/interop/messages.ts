// What is sent back and forth between us and others, and how long a test waits that fails.
import { createHash } from 'node:crypto';
import type { Message } from './peer.ts';

export const PATIENCE = { timeoutMs: 20_000 } as const;

const MIB = 1_048_576;

/** Everything that a message can be. */
export const MESSAGES: readonly Message[] = [
  '',
  'hello',
  JSON.stringify({ type: 'tick', prices: [1.5, -2e10], note: null }),
  'Ελληνικά, русский, 中文, العربية, हिन्दी, 👩‍👩‍👧‍👦 \u0000\u001f\u2028\ufeff',
  Buffer.alloc(0),
  Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)),
  'x'.repeat(125) + '€',
  'y'.repeat(65_536),
  'z'.repeat(MIB - 3) + '€',
  Buffer.alloc(MIB, 'pattern'),
];

/** To compare a megabyte byte by byte takes vitest a second. */
export function brief(message: unknown): string {
  const isMessage = typeof message === 'string' || message instanceof Uint8Array;
  if (!isMessage) return JSON.stringify(message);
  const kind = typeof message === 'string' ? 'text' : 'binary';
  return `${kind} ${message.length} ${createHash('sha256').update(message).digest('hex')}`;
}
