// The stock ticker: one row for each symbol, with its last price, how it changed, and its trend.
import { h, part, setText, svg } from '../../../visualizations/live/page/dom.ts';
import { linePath, share } from '../../../visualizations/live/page/plot-scale.ts';
import { fieldsOf, numberIn, textIn } from './fields.ts';
import type { StreamPanel } from './stream.ts';

const MAX_SYMBOLS = 50;
const MAX_PRICES = 40;
const TREND = { width: 96, height: 22, inset: 2 } as const;

interface Stock {
  readonly symbol: string;
  readonly price: number;
  readonly change: number;
  readonly changePercent: number;
  readonly volume: number;
  readonly bid: number;
  readonly ask: number;
}

function readStock(data: unknown): Stock {
  const fields = fieldsOf(data);
  const number = (name: string): number => numberIn(fields, name);
  return {
    symbol: textIn(fields, 'symbol'),
    ...{ price: number('price'), change: number('change'), changePercent: number('change_percent') },
    ...{ volume: number('volume'), bid: number('bid'), ask: number('ask') },
  };
}

const digits = (count: number): Intl.NumberFormat =>
  new Intl.NumberFormat('en', { minimumFractionDigits: count, maximumFractionDigits: count });
const price = digits(2);
const compact = new Intl.NumberFormat('en', {
  notation: 'compact',
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
});

/** With its sign in any case; `−` is as wide as `+`. What is rounded to nothing has none. */
function signed(value: number): string {
  const size = price.format(Math.abs(value));
  if (Number(size.replaceAll(',', '')) === 0) return `±${size}`;
  return `${value > 0 ? '+' : '−'}${size}`;
}

const ARROWS = { up: '▲', down: '▼', same: '■' } as const;

class StockRow {
  readonly element: HTMLTableRowElement;
  readonly #price = h('td', { class: 'number price' });
  readonly #change = h('td', { class: 'number change' });
  readonly #spread = h('td', { class: 'number roomy quiet' });
  readonly #volume = h('td', { class: 'number roomy quiet' });
  readonly #line = svg('path', { class: 'trend-line' });
  readonly #prices: number[] = [];

  constructor(symbol: string) {
    const { width, height } = TREND;
    const trend = svg('svg', { width, height, viewBox: `0 0 ${width} ${height}`, 'aria-hidden': 'true' });
    trend.append(this.#line);
    this.element = h(
      'tr',
      {},
      h('th', { scope: 'row' }, symbol),
      ...[this.#price, this.#change, this.#spread, this.#volume],
      h('td', { class: 'trend' }, trend),
    );
  }

  show(stock: Stock): void {
    const { change } = stock;
    const direction = change > 0 ? 'up' : change < 0 ? 'down' : 'same';
    this.element.dataset['direction'] = direction;
    setText(this.#price, price.format(stock.price));
    setText(this.#change, `${ARROWS[direction]} ${signed(change)} (${signed(stock.changePercent)} %)`);
    setText(this.#spread, `${price.format(stock.bid)} / ${price.format(stock.ask)}`);
    setText(this.#volume, compact.format(stock.volume));
    this.#flash(this.#prices.at(-1), stock.price);
    this.#prices.push(stock.price);
    if (this.#prices.length > MAX_PRICES) this.#prices.shift();
    this.#line.setAttribute('d', trendOf(this.#prices));
  }

  #flash(before: number | undefined, now: number): void {
    if (before === undefined || before === now) return;
    const name = now > before ? 'rise' : 'fall';
    // An animation begins again only under another name.
    this.#price.dataset['flash'] = this.#price.dataset['flash'] === `${name}-1` ? `${name}-2` : `${name}-1`;
  }
}

function trendOf(prices: readonly number[]): string {
  const { width, height, inset } = TREND;
  const low = Math.min(...prices);
  const high = Math.max(...prices);
  const points = prices.map((value, at) => ({ at, value }));
  return linePath(points, ({ at, value = low }) => [
    (at / (MAX_PRICES - 1)) * width,
    high === low ? height / 2 : height - inset - share(value, low, high) * (height - 2 * inset),
  ]);
}

export function stocksPanel(): StreamPanel {
  const body = part('stock-rows');
  const rows = new Map<string, StockRow>();
  const add = (symbol: string): StockRow | undefined => {
    if (rows.size >= MAX_SYMBOLS) return undefined;
    const row = new StockRow(symbol);
    const after = [...rows.keys()].filter((one) => one > symbol).sort()[0];
    body.insertBefore(row.element, after === undefined ? null : (rows.get(after)?.element ?? null));
    rows.set(symbol, row);
    return row;
  };
  return {
    ...{ id: 'stocks', title: 'Stocks', path: '/sse/stocks', event: 'stock' },
    show: (data) => {
      const stock = readStock(data);
      (rows.get(stock.symbol) ?? add(stock.symbol))?.show(stock);
    },
  };
}
