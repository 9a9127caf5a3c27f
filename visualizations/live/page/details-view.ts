// The figures beside the chart: attempts, outbox, plots, close codes, live actors, context.
import type { Entry, MachineView, Sample } from '../protocol.ts';
import { liveActors } from './chart-model.ts';
import { h, part } from './dom.ts';
import type { Moment } from './explain.ts';
import { flatten, formatBytes, formatDuration, formatNumber, formatField, isRecord } from './format.ts';
import { Plot, type PlotWindow } from './plot.ts';
import { ratesOf } from './rates.ts';
import { closesIn } from './reading.ts';
import type { Store } from './store.ts';

/** How much time the plots show. */
const PLOT_MS = 120_000;
/** How much is shown after a moment in the past. */
const AFTER_MARK_MS = 20_000;

const formatRtt = (ms: number): string => `${formatNumber(ms)} ms`;

export class DetailsView {
  readonly #attempts = section('Attempts');
  readonly #outbox = section('Outbox');
  readonly #closes = section('Close codes met');
  readonly #actors = section('Running in this state');
  readonly #context = section('Context');
  readonly #plots = section('Traffic');
  readonly #rtt = new Plot('Round trip', formatRtt);
  readonly #messages = new Plot('Messages per second', formatNumber);
  readonly #bytes = new Plot('Bytes per second', formatBytes);
  #moment: Moment | undefined;
  #machine: MachineView | undefined;
  #shown: readonly unknown[] = [];

  constructor() {
    this.#plots.body.append(this.#rtt.element, this.#messages.element, this.#bytes.element);
    const figures = [this.#attempts, this.#outbox, this.#closes, this.#actors, this.#context];
    part('cards').append(
      h('div', {}, ...figures.map(({ element }) => element)),
      h('div', {}, this.#plots.element),
    );
  }

  update(store: Store, machine: MachineView): void {
    const { moment, sample, isLive } = store;
    const { samples = [], entries = [] } = store.watched ?? {};
    if (moment !== undefined && (moment !== this.#moment || machine !== this.#machine)) {
      this.#moment = moment;
      this.#machine = machine;
      this.#tellCloses(entries.filter(({ index }) => index <= moment.entry.index));
      this.#tellActors(machine, moment.entry);
      this.#context.body.replaceChildren(contextTable(moment.entry.context));
    }
    const second = Math.floor(store.now / 1000);
    const shown = [samples, moment, isLive, isLive && second];
    if (shown.every((one, index) => one === this.#shown[index])) return;
    this.#shown = shown;
    this.#tellFigures(sample, moment?.entry);
    this.#tellPlots(upToNow(store), isLive ? undefined : moment?.entry.at);
  }

  #tellFigures(sample: Sample | undefined, entry: Entry | undefined): void {
    const context = isRecord(entry?.context) ? entry.context : {};
    this.#attempts.body.replaceChildren(
      figures([
        ['retries in a row', numberIn(context, 'attempt')],
        ['sessions', numberIn(context, 'sessions')],
        ['dials in all', sample && formatNumber(sample.attempts)],
        ['reconnects', sample && formatNumber(sample.reconnects)],
        ['down for', sample && formatDuration(sample.downtimeMs)],
      ]),
    );
    this.#attempts.element.hidden = sample === undefined && context['attempt'] === undefined;
    this.#outbox.element.hidden = sample === undefined;
    this.#plots.element.hidden = sample === undefined;
    if (sample === undefined) return;
    this.#outbox.body.replaceChildren(
      figures([
        ['waiting', formatNumber(sample.waitingMessages)],
        ['buffered', formatBytes(sample.bufferedBytes)],
        ['dropped', formatNumber(sample.droppedMessages), sample.droppedMessages > 0],
        ['expired', formatNumber(sample.expiredMessages), sample.expiredMessages > 0],
        ['unreadable', formatNumber(sample.invalidMessages), sample.invalidMessages > 0],
      ]),
    );
  }

  #tellPlots(samples: readonly Sample[], mark: number | undefined): void {
    const last = samples.at(-1)?.at ?? 0;
    const to = mark === undefined ? last : Math.min(last, mark + AFTER_MARK_MS);
    const from = Math.max(to - PLOT_MS, Math.min(samples[0]?.at ?? to, to - 10_000));
    const window: PlotWindow = { from, to, mark };
    const rates = ratesOf(samples);
    const pointsOf = (name: Exclude<keyof (typeof rates)[number], 'at'>) =>
      rates.map((rate) => ({ at: rate.at, value: rate[name] }));
    this.#rtt.update([{ name: '', points: samples.map(({ at, rttMs }) => ({ at, value: rttMs })) }], window);
    this.#messages.update(
      [
        { name: 'in', points: pointsOf('messagesInPerSecond') },
        { name: 'out', points: pointsOf('messagesOutPerSecond') },
      ],
      window,
    );
    this.#bytes.update(
      [
        { name: 'in', points: pointsOf('bytesInPerSecond') },
        { name: 'out', points: pointsOf('bytesOutPerSecond') },
      ],
      window,
    );
  }

  #tellCloses(entries: readonly Entry[]): void {
    const closes = closesIn(entries);
    this.#closes.element.hidden = closes.length === 0;
    const rows = closes.map(({ code, name, reason, count }) =>
      h(
        'tr',
        {},
        h('th', { scope: 'row' }, String(code)),
        h('td', {}, name, ...(reason === '' ? [] : [h('q', {}, reason)])),
        h('td', { class: 'number' }, `${formatNumber(count)}×`),
      ),
    );
    this.#closes.body.replaceChildren(h('table', {}, h('tbody', {}, ...rows)));
  }

  #tellActors(machine: MachineView, entry: Entry): void {
    const actors = liveActors(machine, entry.value);
    this.#actors.element.hidden = actors.length === 0;
    const items = actors.map(({ actor, state }) =>
      h('li', {}, h('b', {}, actor), h('span', { class: 'quiet' }, ` as long as ${state.key}`)),
    );
    this.#actors.body.replaceChildren(h('ul', { class: 'plain' }, ...items));
  }
}

/** The samples, with the last one once more for now: while nothing changes, none is sent. */
function upToNow({ watched, watchedRow, now }: Store): readonly Sample[] {
  const samples = watched?.samples ?? [];
  const last = samples.at(-1);
  if (last === undefined || watchedRow?.status !== 'live' || now - last.at < 1500) return samples;
  return [...samples, { ...last, at: now }];
}

function section(title: string): { readonly element: HTMLElement; readonly body: HTMLElement } {
  const body = h('div', {});
  return { element: h('section', {}, h('h2', {}, title), body), body };
}

type Figure = readonly [name: string, value: string | undefined, isBad?: boolean];

const figures = (list: readonly Figure[]): HTMLElement =>
  h(
    'dl',
    { class: 'figures' },
    ...list.flatMap(([name, value, isBad = false]) =>
      value === undefined
        ? []
        : [h('div', { class: isBad ? 'bad' : undefined }, h('dt', {}, name), h('dd', {}, value))],
    ),
  );

function numberIn(context: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const value = context[name];
  return typeof value === 'number' ? formatNumber(value) : undefined;
}

function contextTable(context: unknown): HTMLElement {
  const rows = flatten(context).map(([path, leaf]) =>
    h(
      'tr',
      {},
      h('th', { scope: 'row' }, path === '' ? 'value' : path),
      h('td', {}, formatField(path, leaf)),
    ),
  );
  if (rows.length === 0) return h('p', { class: 'quiet' }, 'This machine remembers nothing.');
  return h('table', { class: 'context' }, h('tbody', {}, ...rows));
}
