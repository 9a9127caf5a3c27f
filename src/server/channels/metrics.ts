// The pages of a hub: its figures in the text format of Prometheus (exposition format 0.0.4) or as JSON, and its health.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HubMetrics } from './hub.ts';

/** Whose pages they are. */
export interface MetricsOwner {
  readonly metrics: HubMetrics;
  readonly trouble: string | undefined;
  prometheus(): string;
}

type Gauge = 'clients' | 'channels' | 'subscriptions';
type Counter = Exclude<keyof HubMetrics, Gauge | 'refused'>;

const GAUGES: Readonly<Record<Gauge, string>> = {
  clients: 'Clients that are connected.',
  channels: 'Channels that have subscribers here.',
  subscriptions: 'Subscriptions of all clients.',
};

const COUNTERS: Readonly<Record<Counter, string>> = {
  published: 'Messages taken, once each.',
  duplicates: 'Publications that had come before.',
  delivered: 'Messages handed to a subscriber.',
  replayed: 'Messages that came again after a reconnect.',
  dropped: 'Messages that a slow subscriber did not get.',
  gaps: 'Times that a subscriber was told that it missed something.',
  slow: 'Clients disconnected because they were too slow.',
};

export function answerMetrics(
  owner: MetricsOwner,
  { headers }: IncomingMessage,
  response: ServerResponse,
): void {
  const { accept = '' } = headers;
  const isJson = accept.includes('application/json') && !accept.includes('text/plain');
  if (isJson) answerJson(response, 200, owner.metrics);
  else
    response
      .writeHead(200, { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8', ...NOT_KEPT })
      .end(owner.prometheus());
}

export function answerHealth({ trouble }: MetricsOwner, response: ServerResponse): void {
  if (trouble === undefined) answerJson(response, 200, { status: 'ok' });
  else answerJson(response, 503, { status: 'unavailable', trouble });
}

export function prometheusText(metrics: HubMetrics, isHealthy: boolean): string {
  const gauges = Object.entries(GAUGES).map(([name, help]) =>
    family(`statewire_hub_${name}`, 'gauge', help, [['', metrics[name as Gauge]]]),
  );
  const health = family('statewire_hub_healthy', 'gauge', 'Whether the broker can be asked: 1 or 0.', [
    ['', Number(isHealthy)],
  ]);
  const counters = Object.entries(COUNTERS).map(([name, help]) =>
    family(`statewire_hub_${name}_total`, 'counter', help, [['', metrics[name as Counter]]]),
  );
  const refused = Object.entries(metrics.refused).map(
    ([code, count]) => [`{code="${code}"}`, count] as const,
  );
  const help = 'Requests that were refused, by the code of the answer.';
  const refusals = family('statewire_hub_refused_total', 'counter', help, refused);
  return [...gauges, health, ...counters, refusals].join('');
}

const NOT_KEPT = { 'Cache-Control': 'no-store' };

function answerJson(response: ServerResponse, status: number, body: unknown): void {
  response
    .writeHead(status, { 'Content-Type': 'application/json; charset=utf-8', ...NOT_KEPT })
    .end(JSON.stringify(body));
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
