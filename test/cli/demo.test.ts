// `statewire demo`: that it survives everything, that it says so, and that it would say if it did not.
import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';
import type { Chapter } from '../../src/cli/demo/chapter.ts';
import { conversationCut } from '../../src/cli/demo/chapters/conversation-cut.ts';
import { crawlCut } from '../../src/cli/demo/chapters/crawl-cut.ts';
import { streamsCut } from '../../src/cli/demo/chapters/streams-cut.ts';
import { CHAPTERS } from '../../src/cli/demo/chapters/index.ts';
import { CoordinatorWorld } from '../../src/cli/demo/coordinator.ts';
import { demo } from '../../src/cli/demo/demo.ts';
import { until } from '../../src/testing/wait.ts';
import { countResources } from '../testing/leftovers.ts';
import { spawnCli } from './spawned.ts';
import { TestIo } from './test-io.ts';

const holds: Chapter = {
  title: 'All is well',
  announcement: 'Nothing is done.',
  run(stage) {
    stage.check('one is one', true);
    return Promise.resolve({ noticedAfterMs: 12, recoveredAfterMs: 345, attempts: 2 });
  },
};

async function play(chapters: readonly Chapter[]) {
  const io = new TestIo();
  const code = await demo(io, { chapters, pauseMs: 0 });
  return { code, lines: io.stdout.lines, io };
}

test('survives every chapter in less than half a minute', { timeout: 40_000 }, async () => {
  const startedAt = performance.now();
  const { ended, stdout, stderr } = spawnCli('demo');

  expect(await ended).toEqual({ code: 0, signal: null });
  expect(performance.now() - startedAt).toBeLessThan(30_000);
  expect(stderr()).toBe('');
  const output = stdout();
  const lines = output.split('\n');
  const table = lines.slice(lines.findIndex((line) => line.includes('What happened')) + 1, -3);
  expect(table.map((line) => line.slice(0, 3 + 44).trim())).toEqual(
    CHAPTERS.map(({ title }) => `✔ ${title}`),
  );
  expect(lines.at(-2)).toMatch(
    new RegExp(`^✔ ${CHAPTERS.length} of ${CHAPTERS.length} survived in \\d+\\.\\d s$`),
  );
  expect(output).toBe(stripVTControlCharacters(output));
  expect(lines.filter((line) => line.length > 100)).toEqual([]);
  expect(output).toMatch(/open → reconnecting +server closed: 1001 going away · retry 1 in 0\.25 s\n/);
});

test('prints a table of what it has measured', async () => {
  const { code, lines } = await play([holds]);
  expect(code).toBe(0);
  expect(lines.slice(3, -1)).toEqual([
    ' 1  All is well',
    '    Nothing is done.',
    '          ✔ one is one',
    '',
    '   What happened                                 noticed after   open again   attempts',
    ' ✔ All is well                                          0.01 s       0.34 s          2',
    '',
  ]);
});

test('does not survive a claim that does not hold, and says which', async () => {
  const breaks: Chapter = {
    ...{ title: 'A fault', announcement: 'Something breaks.' },
    run(stage) {
      stage.check('this holds', true);
      stage.check('this does not', false);
      return Promise.resolve({});
    },
  };
  const { code, lines } = await play([holds, breaks]);
  expect(code).toBe(1);
  expect(lines).toContain('          ✘ this does not');
  expect(lines.at(-2)).toBe('✘ A fault: this does not');
  expect(lines.at(-1)).toMatch(/^✘ 1 of 2 survived/);
});

test('does not survive a chapter that throws, and goes on', async () => {
  const throws: Chapter = { ...holds, run: () => Promise.reject(new Error('no such thing')) };
  const { code, lines } = await play([throws, holds]);
  expect(code).toBe(1);
  expect(lines).toContain('✘ All is well: no such thing');
  expect(lines.at(-1)).toMatch(/^✘ 1 of 2 survived/);
});

test('does not believe a chapter that checks nothing', async () => {
  const { code, lines } = await play([{ ...holds, run: () => Promise.resolve({}) }]);
  expect(code).toBe(1);
  expect(lines).toContain('✘ All is well: nothing was checked');
});

test('would notice an event that is lost or comes twice', async () => {
  const loses: Chapter = {
    ...holds,
    async run(stage) {
      const world = await stage.use(CoordinatorWorld.make);
      await world.client.connect();
      stage.check('complete', await world.exchange());
      world.client.emit('demo.tick', { type: 'demo.tick', number: 0 });
      stage.check('complete again', await world.exchange());
      return {};
    },
  };
  const { code, lines } = await play([loses]);
  expect(code).toBe(1);
  expect(lines).toContain('          ✔ complete');
  expect(lines).toContain('          ✘ complete again');
});

test('an interruption ends it at once, and leaves nothing behind', async () => {
  const isTidy = await countResources();
  const waits: Chapter = {
    ...holds,
    async run(stage) {
      const world = await stage.use(CoordinatorWorld.make);
      await world.client.connect();
      await world.survive(() => undefined);
      return {};
    },
  };
  const io = new TestIo();
  const ended = demo(io, { chapters: [waits], pauseMs: 0 });
  await until(() => io.stdout.text.includes('authenticating → open'));
  io.signal('SIGINT');

  expect(await ended).toBe(130);
  expect(io.handlers).toBe(0);
  expect(io.stdout.text).not.toContain('survived');
  await isTidy();
});

test.each([
  ['crawl', crawlCut],
  ['streams', streamsCut],
  ['conversation', conversationCut],
])('an interruption in the middle of the %s leaves nothing behind either', async (_, chapter) => {
  const isTidy = await countResources();
  const io = new TestIo();
  const ended = demo(io, { chapters: [chapter], pauseMs: 0 });
  await io.stdout.shows('open → reconnecting');
  io.signal('SIGINT');

  expect(await ended).toBe(130);
  expect(io.stdout.text).not.toContain('survived');
  await isTidy();
});

test('announces every chapter in lines that fit', () => {
  expect(CHAPTERS.filter(({ title }) => title.length > 44)).toEqual([]);
  expect(CHAPTERS.filter(({ announcement }) => announcement.length > 96)).toEqual([]);
  expect(new Set(CHAPTERS.map(({ title }) => title)).size).toBe(CHAPTERS.length);
});
