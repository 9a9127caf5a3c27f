// Is the machine tested by anything but itself? It is broken in a hundred ways, one at a time, under the real facade;
// what a user would see of it (test/support/oracle.ts) must tell every one of them from the machine that is right.
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { connectionMachine } from '../../machines/index.ts';
import { everyOmission, likelyMistakes } from '../support/mutants.ts';
import { SCENARIOS } from '../support/oracle.ts';
import { catchStrays, type Strays } from '../support/strays.ts';

const MACHINES = '../../machines/index.ts';

const mutants = { ...everyOmission(connectionMachine), ...likelyMistakes(connectionMachine) };

/** What cannot be seen from outside, and why. */
const UNSEEN: Readonly<Record<string, string>> = {
  'online.open.probing does not hear heartbeat.answered': 'both are open, and silence is judged in probing',
  'online.closing.leaving has no tags': 'a state without a word about messages refuses them',
  'failed has no tags': 'the same',
  'closed has no tags': 'the same',
};

/** Lives every scenario on this machine, until one goes wrong. The facade has no seam for it, and needs none. */
async function firstDifference(machine: typeof connectionMachine): Promise<string | undefined> {
  vi.resetModules();
  vi.doMock(MACHINES, async (original) => ({
    ...(await original<object>()),
    connectionMachine: machine,
  }));
  const { observe, SCENARIOS: scenarios } = await import('../support/oracle.ts');
  for (const [name, scenario] of Object.entries(scenarios)) {
    try {
      await observe(scenario);
    } catch {
      return name;
    }
  }
  return undefined;
}

describe('whoever only uses a connection notices', () => {
  let strays: Strays;
  beforeAll(() => {
    strays = catchStrays();
  });
  afterEach(() => {
    vi.doUnmock(MACHINES);
    strays.take();
  });
  afterAll(() => strays[Symbol.dispose]());

  test('nothing wrong with the machine as it is', async () => {
    expect(await firstDifference(connectionMachine)).toBeUndefined();
  });

  test('nothing of what cannot be seen, and that is all', async () => {
    expect(Object.keys(mutants)).toEqual(expect.arrayContaining(Object.keys(UNSEEN)));
    for (const name of Object.keys(UNSEEN)) expect(await firstDifference(mutants[name]!)).toBeUndefined();
  });

  test.each(Object.keys(mutants).filter((name) => !(name in UNSEEN)))('that %s', async (name) => {
    expect(Object.keys(SCENARIOS)).toContain(await firstDifference(mutants[name]!));
  });
});
