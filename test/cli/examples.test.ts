// Every example runs, ends by itself, and prints what it promises.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT, spawnSource } from './spawned.ts';

const PRINTS: Readonly<Record<string, readonly string[]>> = {
  'quick-start.ts': [
    "received { hello: 'world' }",
    'open → reconnecting (LINK_LOST)',
    "received { still: 'here' }",
    'closing → closed (DISCONNECT_CALLED)',
  ],
  'own-protocol.ts': [
    'room kitchen',
    "delivered { outcome: 'acknowledged' }",
    "received { type: 'said', text: 'GOOD MORNING' }",
  ],
  'coordinator-client.ts': [
    'welcome connection.ok',
    'event call.created default:1',
    'event call.ended default:1',
    '2 tokens, 2 connections, 0 left',
  ],
};

test('every example is checked here', () => {
  const examples = readdirSync(join(ROOT, 'examples')).filter((file) => file.endsWith('.ts'));
  expect(examples.sort()).toEqual(Object.keys(PRINTS).sort());
});

test.each(Object.entries(PRINTS))('%s', { timeout: 30_000 }, async (file, wanted) => {
  const { ended, stdout, stderr } = spawnSource(join('examples', file));
  expect(await ended).toEqual({ code: 0, signal: null });
  expect(stderr()).toBe('');
  expect(wanted.filter((line) => !stdout().includes(`${line}\n`))).toEqual([]);
});
