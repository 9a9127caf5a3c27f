// The metrics: the last values, two plots, and the same samples as a table for whoever cannot see a plot.
import { h, part, setText } from '../../../visualizations/live/page/dom.ts';
import { fieldsOf, numberIn, type Fields } from './fields.ts';
import { MetricsPlot, SPAN } from './metrics-plot.ts';
import type { StreamPanel } from './stream.ts';

interface Sample {
  readonly number: number;
  readonly isAlert: boolean;
  readonly cpu: number;
  readonly memory: number;
  readonly received: number;
  readonly sent: number;
}

const sampleOf = (fields: Fields, id: string, isAlert: boolean): Sample => ({
  number: Number(id),
  isAlert,
  cpu: numberIn(fields, 'cpu_percent'),
  memory: numberIn(fields, 'memory_percent'),
  received: numberIn(fields, 'network_rx_mbps'),
  sent: numberIn(fields, 'network_tx_mbps'),
});

/** What is written above the plots: the field, its name, its unit. */
const FIGURES: readonly (readonly [field: string, name: string, unit: string])[] = [
  ['cpu_percent', 'CPU', ' %'],
  ['memory_percent', 'Memory', ' %'],
  ['disk_percent', 'Disk', ' %'],
  ['network_rx_mbps', 'Received', ' MB/s'],
  ['network_tx_mbps', 'Sent', ' MB/s'],
  ['processes', 'Processes', ''],
  ['threads', 'Threads', ''],
];

/** The last values, by name. */
class Figures {
  readonly #cells = FIGURES.map(([field, name, unit]) => ({ field, name, unit, cell: h('dd', {}, '–') }));

  constructor(list: HTMLElement) {
    list.append(...this.#cells.map(({ name, cell }) => h('div', {}, h('dt', {}, name), cell)));
  }

  show(fields: Fields): void {
    for (const { field, unit, cell } of this.#cells) {
      const value = fields[field];
      if (typeof value !== 'number') setText(cell, '–');
      else setText(cell, `${unit === '' ? String(value) : value.toFixed(1)}${unit}`);
    }
  }
}

/** The newest first. */
class SampleTable {
  readonly #body = part('sample-rows');

  add({ number, cpu, memory, received, sent, isAlert }: Sample): void {
    const values = [cpu, memory, received, sent].map((value) =>
      h('td', { class: 'number' }, value.toFixed(2)),
    );
    this.#body.prepend(
      h(
        'tr',
        { 'data-id': String(number) },
        ...[h('th', { scope: 'row' }, `#${number}`), ...values, h('td', {}, isAlert ? 'spike' : '')],
      ),
    );
    while (this.#body.childElementCount > SPAN) this.#body.lastElementChild?.remove();
  }
}

export function metricsPanel(): StreamPanel {
  const figures = new Figures(part('metrics-figures'));
  const table = new SampleTable();
  const plots = makePlots();
  part('plots').append(...plots.map(({ element }) => element));
  let samples: readonly Sample[] = [];
  // An alert comes before the event that it is about.
  let hasAlert = false;
  return {
    ...{ id: 'metrics', title: 'Metrics', path: '/sse/metrics', event: 'metrics' },
    show: (data, id) => {
      const fields = fieldsOf(data);
      const sample = sampleOf(fields, id, hasAlert);
      hasAlert = false;
      samples = [...samples, sample].slice(-SPAN);
      figures.show(fields);
      table.add(sample);
      for (const plot of plots) plot.show(samples);
    },
    others: {
      alert: () => {
        hasAlert = true;
      },
    },
  };
}

const makePlots = (): readonly MetricsPlot<Sample>[] => [
  new MetricsPlot({
    ...{ title: 'Load', unit: ' %', max: 100, marksAlerts: true },
    lines: [
      { name: 'CPU', value: ({ cpu }) => cpu },
      { name: 'memory', value: ({ memory }) => memory },
    ],
  }),
  new MetricsPlot({
    ...{ title: 'Network, MB/s', unit: '' },
    lines: [
      { name: 'received', value: ({ received }) => received },
      { name: 'sent', value: ({ sent }) => sent },
    ],
  }),
];
