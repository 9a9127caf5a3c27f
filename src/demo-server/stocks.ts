// /sse/stocks: prices that wander, one symbol at a time, and all of them after every fifty.
import type { Random } from './random.ts';
import type { Beat, Show } from './show.ts';
import { epochSeconds, rounded } from './stage.ts';

/** In dollars, at the beginning of a series. */
const PRICES = {
  AAPL: 180,
  GOOGL: 140,
  MSFT: 380,
  AMZN: 170,
  TSLA: 250,
  META: 350,
  NVDA: 500,
  AMD: 150,
};

type Prices = typeof PRICES;

const SYMBOLS = Object.keys(PRICES) as (keyof Prices)[];
const SUMMARY_EVERY = 50;

export const stocks: Show = {
  beats: 1_000,
  begin: (random) => {
    const prices = { ...PRICES };
    return (number) => {
      const events = [tick(number, prices, random)];
      if (number % SUMMARY_EVERY === 0) events.push(summary(number, prices));
      return { events, pauseMs: random.uniform(50, 500) };
    };
  },
};

/** Moves one price. */
function tick(number: number, prices: Prices, random: Random): Beat['events'][number] {
  const symbol = random.pick(SYMBOLS);
  const before = prices[symbol];
  const isLarge = random.chance(0.1);
  const changePercent = random.gauss(0, isLarge ? 2 : 0.5);
  const price = before * (1 + changePercent / 100);
  prices[symbol] = price;
  const data = {
    symbol,
    price: rounded(price, 2),
    change: rounded(price - before, 2),
    change_percent: rounded(changePercent, 3),
    volume: random.integer(100_000, 10_000_000),
    timestamp: epochSeconds(),
    bid: rounded(price - random.uniform(0.01, 0.1), 2),
    ask: rounded(price + random.uniform(0.01, 0.1), 2),
  };
  return { event: 'stock', id: `${symbol}-${number}`, data };
}

function summary(number: number, prices: Prices): Beat['events'][number] {
  const all = Object.fromEntries(SYMBOLS.map((symbol) => [symbol, rounded(prices[symbol], 2)]));
  const data = { type: 'summary', stocks: all, total_updates: number, timestamp: epochSeconds() };
  return { event: 'summary', id: `summary-${number}`, data };
}
