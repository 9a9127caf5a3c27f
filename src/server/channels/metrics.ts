// The figures of a hub in the text format of Prometheus (exposition format 0.0.4).
import type { HubMetrics } from './hub.ts';

type Figure = Exclude<keyof HubMetrics, 'refused'>;

const GAUGES: Readonly<Partial<Record<Figure, string>>> = {
  clients: 'Clients that are connected.',
  channels: 'Channels that have subscribers here.',
  subscriptions: 'Subscriptions of all clients.',
};

const COUNTERS: Readonly<Partial<Record<Figure, string>>> = {
  published: 'Messages taken, once each.',
  duplicates: 'Publications that had come before.',
  delivered: 'Messages handed to a subscriber.',
  replayed: 'Messages that came again after a reconnect.',
  dropped: 'Messages that a slow subscriber did not get.',
  gaps: 'Times that a subscriber was told that it missed something.',
  slow: 'Clients disconnected because they were too slow.',
};

export function prometheusText(metrics: HubMetrics): string {
  const gauges = Object.entries(GAUGES).map(([name, help]) =>
    family(`statewire_hub_${name}`, 'gauge', help, [['', metrics[name as Figure]]]),
  );
  const counters = Object.entries(COUNTERS).map(([name, help]) =>
    family(`statewire_hub_${name}_total`, 'counter', help, [['', metrics[name as Figure]]]),
  );
  const refused = Object.entries(metrics.refused).map(
    ([code, count]) => [`{code="${code}"}`, count] as const,
  );
  const refusals = family(
    'statewire_hub_refused_total',
    'counter',
    'Requests that were refused, by the code of the answer.',
    refused,
  );
  return [...gauges, ...counters, refusals].join('');
}

function family(
  name: string,
  type: 'gauge' | 'counter',
  help: string,
  samples: readonly (readonly [labels: string, value: number])[],
): string {
  const lines = samples.map(([labels, value]) => `${name}${labels} ${value}\n`);
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`;
}
