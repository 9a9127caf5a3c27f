// What a hub tells of itself: figures as JSON and in the text format of Prometheus, and its health.
import { expect, test } from 'vitest';
import { until } from '../../../src/testing/wait.ts';
import { control, FragileBroker, RawClient, serveHub } from './harness.ts';

interface Family {
  readonly help: string;
  readonly type: string;
  readonly samples: Record<string, number>;
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const LABELS =
  '\\{[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\["\\\\n])*"(?:,[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\["\\\\n])*")*\\}';
const SAMPLE = new RegExp(`^(${NAME})(${LABELS})? (\\d+(?:\\.\\d+)?)$`);

/** Exposition format 0.0.4, without what this hub never uses: timestamps, NaN, histograms. Throws for anything else. */
function parsed(text: string): Record<string, Family> {
  expect(text.endsWith('\n')).toBe(true);
  const families: Record<string, Family> = {};
  let name = '';
  for (const line of text.slice(0, -1).split('\n')) {
    const help = new RegExp(`^# HELP (${NAME}) ([^\\\\\\n]+)$`).exec(line);
    const type = new RegExp(`^# TYPE (${NAME}) (counter|gauge)$`).exec(line);
    const sample = SAMPLE.exec(line);
    if (help !== null) {
      name = help[1]!;
      expect(Object.keys(families)).not.toContain(name);
      families[name] = { help: help[2]!, type: '', samples: {} };
    } else if (type !== null) {
      expect(type[1]).toBe(name);
      expect(families[name]).toMatchObject({ type: '', samples: {} });
      families[name] = { ...families[name]!, type: type[2]! };
    } else if (sample !== null) {
      expect(sample[1]).toBe(name);
      const labels = sample[2] ?? '';
      expect(families[name]!.type).not.toBe('');
      expect(Object.keys(families[name]!.samples)).not.toContain(labels);
      families[name]!.samples[labels] = Number(sample[3]);
    } else throw new Error(`Expected a line of the format, got: ${line}`);
  }
  return families;
}

test('its figures are in the text format of Prometheus, and as JSON for who wants that', async () => {
  await using hub = await serveHub({ metricsPath: '/metrics' });
  await using publisher = await RawClient.in(hub, 'a');
  await using reader = await RawClient.in(hub, 'a', 'b');
  publisher.publish('a', 1, 'p-1');
  publisher.publish('a', 1, 'p-1');
  publisher.send('bad');
  publisher.send(control({ action: 'subscribe', channel: '' }));
  await publisher.settled();
  await until(() => reader.payloads.length === 1);
  const response = await fetch(`${hub.url}/metrics`);
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  const families = parsed(await response.text());
  const samples = Object.fromEntries(
    Object.entries(families).map(([name, family]) => [name, family.samples]),
  );
  const one = (value: number) => ({ '': value });
  expect(samples).toEqual({
    statewire_hub_clients: one(2),
    statewire_hub_channels: one(2),
    statewire_hub_subscriptions: one(3),
    statewire_hub_healthy: one(1),
    statewire_hub_published_total: one(1),
    statewire_hub_duplicates_total: one(1),
    statewire_hub_delivered_total: one(1),
    statewire_hub_replayed_total: one(0),
    statewire_hub_dropped_total: one(0),
    statewire_hub_gaps_total: one(0),
    statewire_hub_slow_total: one(0),
    statewire_hub_refused_total: { '{code="BAD_FRAME"}': 1, '{code="BAD_CHANNEL"}': 1 },
  });
  for (const [name, { type }] of Object.entries(families))
    expect(type, name).toBe(name.endsWith('_total') ? 'counter' : 'gauge');
  const headers = { Accept: 'application/json' };
  expect(await (await fetch(`${hub.url}/metrics`, { headers })).json()).toEqual({ ...hub.metrics });
});

test('without a path nobody can read them', async () => {
  await using hub = await serveHub();
  expect((await fetch(`${hub.url}/metrics`)).status).toBe(404);
  expect((await fetch(`${hub.url}/health`)).status).toBe(404);
});

test('it is in bad health while its broker cannot be asked', async () => {
  const broker = new FragileBroker();
  await using hub = await serveHub({ broker, healthPath: '/health' });
  const health = async () => {
    const response = await fetch(`${hub.url}/health`);
    return [response.status, (await response.json()) as unknown];
  };
  expect(await health()).toEqual([200, { status: 'ok' }]);
  broker.trouble = 'disconnected';
  expect(await health()).toEqual([503, { status: 'unavailable', trouble: 'disconnected' }]);
  expect(hub.trouble).toBe('disconnected');
  expect(hub.prometheus()).toContain('\nstatewire_hub_healthy 0\n');
});
