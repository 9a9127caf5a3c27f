// What other processes tell the live view, friendly or not, within its bounds.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { until } from '../../src/testing/wait.ts';
import { Application, LIGHT, Page, view } from './looking.ts';

test('lists what an application tells of, and follows it', async () => {
  const live = await view();
  const page = await Page.of(live);
  const application = await Application.of(live);
  application.tell({ type: 'statewire.application', name: 'shop.js (17)' });
  application.actor();
  application.event('go', 'green');

  const row = await page.row(({ state }) => state === 'green');
  expect(row).toMatchObject({
    name: 'light x:0',
    machine: 'light',
    application: 'shop.js (17)',
    status: 'live',
    lastEvent: 'go',
  });
  const history = await page.watch(row.id);
  expect(history.entries).toEqual([
    { index: 0, at: 1795250768148, event: { type: 'xstate.init' }, value: 'red', context: { cars: 0 } },
    { index: 1, at: 1795250768148, event: { type: 'go' }, value: 'green', context: { cars: 1 } },
  ]);
  expect(history.machine.svg).toContain('data-state="light.green"');
});

test('ends the rows of an application that goes', async () => {
  const live = await view();
  const page = await Page.of(live);
  const application = await Application.of(live);
  application.actor();
  await page.row();

  application.socket.close();

  await page.row(({ status }) => status === 'ended');
});

const DEEP = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;

test.each([
  ['no JSON', 'hello'],
  ['nothing', ''],
  ['null', 'null'],
  ['a number', '7'],
  ['a frame without a version', '{"type":"@xstate.actor","sessionId":"x:0"}'],
  ['an unknown frame', '{"_version":"1","type":"boo","sessionId":"x:0"}'],
  [
    'a snapshot without an event',
    '{"_version":"1","type":"@xstate.snapshot","sessionId":"x:0","snapshot":{"value":"red"}}',
  ],
  [
    'a value that is none',
    '{"_version":"1","type":"@xstate.snapshot","sessionId":"x:0","event":{"type":"go"},"snapshot":{"value":{"a":[7]}}}',
  ],
  [
    'a value without an end',
    `{"_version":"1","type":"@xstate.snapshot","sessionId":"x:0","event":{"type":"go"},"snapshot":{"value":${DEEP}}}`,
  ],
  [
    'a chart that is none',
    `{"_version":"1","type":"@xstate.actor","sessionId":"x:1","definition":"{\\"states\\":7}"}`,
  ],
  [
    'a chart that XState refuses',
    '{"_version":"1","type":"@xstate.actor","sessionId":"x:1","definition":"{\\"states\\":{\\"a\\":{\\"on\\":{\\"x\\":\\"nowhere\\"}}}}"}',
  ],
  [
    'a chart without an end',
    JSON.stringify({
      _version: '1',
      type: '@xstate.actor',
      sessionId: 'x:1',
      definition: `{"states":{"a":${DEEP}}}`,
    }),
  ],
  [
    'a prototype',
    '{"_version":"1","type":"@xstate.snapshot","sessionId":"__proto__","event":{"type":"go"},"snapshot":{"value":"red","context":{"__proto__":{"polluted":true}}}}',
  ],
  [
    'figures that are none',
    '{"_version":"1","type":"statewire.sample","sessionId":"x:0","sample":{"messagesIn":"many"}}',
  ],
])('goes on after %s', async (_, garbled) => {
  const live = await view();
  const page = await Page.of(live);
  const application = await Application.of(live);
  application.actor();
  application.socket.send(garbled);
  application.socket.send(Buffer.from([0, 255, 1]));
  application.event('go', 'green');

  await page.row(({ state }) => state === 'green');
  for (const { id } of page.rows) await page.watch(id);
  expect((Object.prototype as { polluted?: boolean }).polluted).toBeUndefined();
});

test('ends the connection of an application that tells too much at once, and no other', async () => {
  const live = await view();
  const page = await Page.of(live);
  const [loud, quiet] = [await Application.of(live), await Application.of(live)];
  const ended = new Promise<number>((resolve) => loud.socket.on('close', resolve));
  loud.socket.send('x'.repeat(5 * 1024 * 1024));

  expect(await ended).toBe(1009);
  quiet.actor();
  await page.row();
});

test('shows what is too large by a note', async () => {
  const live = await view();
  const page = await Page.of(live);
  const application = await Application.of(live);
  application.actor();
  application.event('go', 'green', { cars: 2, photo: 'x'.repeat(1_000_000) });
  const { id } = await page.row(({ state }) => state === 'green');

  const { entries } = await page.watch(id);

  expect(entries[1]?.context).toEqual({ cars: 2, photo: '… (text of 1000000 characters)' });
});

test('hides what looks like a secret, and what was listed', async () => {
  const live = await view({ redact: ['plate', /lemon-\d+/] });
  const page = await Page.of(live);
  const application = await Application.of(live);
  application.actor();
  application.event('go', 'green', { password: 'one', plate: 'two', note: 'lemon-3' });
  const { id } = await page.row(({ state }) => state === 'green');

  expect((await page.watch(id)).entries[1]?.context).toEqual({ password: '***', plate: '***', note: '***' });
});

describe('bounds', () => {
  test('forgets ended rows first, then the quietest', async () => {
    const live = await view({ maxConnections: 3 });
    const page = await Page.of(live);
    const [first, second] = [await Application.of(live), await Application.of(live)];
    first.actor('x:1');
    second.actor('x:2');
    second.actor('x:3');
    await until(() => page.rows.length === 3);
    first.socket.close();
    await page.row(({ status }) => status === 'ended');

    second.actor('x:4');
    await until(() => page.rows.map(({ name }) => name).join() === 'light x:2,light x:3,light x:4');
    second.event('go', 'green', {}, 'x:2');
    second.actor('x:5');
    await until(
      () =>
        page.rows
          .map(({ name }) => name)
          .sort()
          .join() === 'light x:2,light x:4,light x:5',
    );
    // A row that was forgotten comes back when something happens to it.
    second.event('go', 'green', {}, 'x:3');
    await page.row(({ name, state }) => name === 'light x:3' && state === 'green');
    expect(page.rows).toHaveLength(3);
  });

  test(
    'keeps the last 1,000 of 100,000 events, and no memory for the others',
    { timeout: 60_000 },
    async () => {
      setFlagsFromString('--expose-gc');
      const gc = runInNewContext('gc') as () => void;
      const live = await view();
      const page = await Page.of(live);
      const application = await Application.of(live);
      application.actor();
      const { id } = await page.row();
      await page.watch(id);
      page.socket.pause();

      const bytesAfter = async (events: number): Promise<number> => {
        for (let sent = 0; sent < events; sent += 1) {
          application.event(sent % 2 === 0 ? 'go' : 'stop', sent % 2 === 0 ? 'green' : 'red', {
            sent,
            text: 'x'.repeat(200),
          });
          if (sent % 1_000 === 0) await until(() => application.socket.bufferedAmount === 0);
        }
        await until(() => application.socket.bufferedAmount === 0);
        gc();
        return process.memoryUsage().heapUsed;
      };
      const before = await bytesAfter(5_000);
      const after = await bytesAfter(95_000);
      expect((after - before) / 1024 / 1024).toBeLessThan(8);

      // The page that did not read is told how it is by now, and not all that was.
      page.socket.resume();
      await page.row(({ events }) => events === 100_001);
      const history = await page.watch(id);
      expect(history).toMatchObject({ dropped: 99_001 });
      expect(history.entries).toHaveLength(1_000);
      expect(page.told.length).toBeLessThan(2_000);
    },
  );
});

test('recognises the machine of this package however it is told', async () => {
  const live = await view();
  const page = await Page.of(live);
  const application = await Application.of(live);
  const { connectionMachine } = await import('../../machines/index.ts');
  const named = JSON.parse(
    JSON.stringify(connectionMachine.config, (_, value: unknown) =>
      typeof value === 'function' ? { type: value.name } : value,
    ),
  ) as object;
  application.actor('x:1', named);
  const { id } = await page.row();

  expect((await page.watch(id)).machine.svg).toContain('data-state="connection.online.open"');
  expect(LIGHT.id).toBe('light');
});
