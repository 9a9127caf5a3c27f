// Times, amounts and values as a reader likes them.
const amount = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });

/** A number with separators, and at most one digit behind the point. */
export const formatNumber = (value: number): string => amount.format(value);

/** How long something takes, in the largest unit that says enough: `250 ms`, `3.2 s`, `2 min 5 s`, `1 h 12 min`. */
export function formatDuration(ms: number): string {
  if (!Number.isFinite(ms)) return 'for ever';
  if (ms < 0) return `-${formatDuration(-ms)}`;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${Number((ms / 1000).toFixed(1))} s`;
  const seconds = Math.round(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return pair(minutes, 'min', seconds % 60, 's');
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return pair(hours, 'h', minutes % 60, 'min');
  return pair(Math.floor(hours / 24), 'd', hours % 24, 'h');
}

const pair = (large: number, largeUnit: string, small: number, smallUnit: string): string =>
  small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;

/** What is left of a wait: always with a tenth of a second while that can be read. */
export const formatCountdown = (ms: number): string =>
  ms < 59_950 ? `${(ms / 1000).toFixed(1)} s` : formatDuration(ms);

/** A duration whose last digit does not flicker: whole seconds from one second on. */
export const formatAge = (ms: number): string =>
  ms < 1000 ? 'now' : formatDuration(Math.floor(ms / 1000) * 1000);

/** A moment of wall clock, in milliseconds since 1970, as `HH:MM:SS.mmm` in the viewer's time zone. */
export function formatClock(at: number): string {
  const date = new Date(at);
  const two = (value: number): string => String(value).padStart(2, '0');
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':');
  return `${clock}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

/** Bytes in decimal units: `512 B`, `1.5 kB`, `2.1 MB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${formatNumber(bytes)} B`;
  if (bytes < 999_950) return `${formatNumber(bytes / 1000)} kB`;
  if (bytes < 999_950_000) return `${formatNumber(bytes / 1e6)} MB`;
  return `${formatNumber(bytes / 1e9)} GB`;
}

export const plural = (count: number, noun: string): string =>
  `${formatNumber(count)} ${noun}${count === 1 ? '' : 's'}`;

/** A value on one line, cut where it gets long. */
export function formatValue(value: unknown, maxLength = 200): string {
  const text = typeof value === 'number' ? formatNumber(value) : textOf(value);
  return text.length <= maxLength ? text : `${text.slice(0, maxLength - 1)}…`;
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value === '' ? '""' : value;
  if (value === undefined) return 'undefined';
  return JSON.stringify(value);
}

/** A value in the unit that its name ends in; codes are written as they are. */
export function formatField(name: string, value: unknown, maxLength?: number): string {
  if (typeof value !== 'number') return formatValue(value, maxLength);
  if (/(ms|Ms)$/.test(name)) return formatDuration(value);
  if (/bytes$/i.test(name)) return formatBytes(value);
  return /(code|status|port|id|year)$/i.test(name) ? String(value) : formatNumber(value);
}

/** The leaves of a value with their paths: `{ a: { b: 1 } }` is `[['a.b', 1]]`. Lists and what is empty stay whole. */
export function flatten(value: unknown, path = ''): [path: string, leaf: unknown][] {
  if (!isRecord(value)) return path === '' && value === undefined ? [] : [[path, value]];
  const fields = Object.entries(value);
  if (fields.length === 0) return path === '' ? [] : [[path, value]];
  return fields.flatMap(([key, inner]) => flatten(inner, path === '' ? key : `${path}.${key}`));
}

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
