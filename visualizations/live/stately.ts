// `/stately`: a page of ours that embeds Stately's inspector, and hands it what the applications tell. Reached by a click
// only: no other page contacts the internet.
import type { WebSocket } from 'ws';
import { actorFrame, snapshotFrame, type FrameFacts } from '../../src/inspection/frames.ts';
import type { Route } from './http.ts';
import type { KeptRow, Moment } from './kept-row.ts';
import type { Store } from './store.ts';

const ORIGIN = 'https://stately.ai';

const HTML = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Stately Inspector · statewire</title>
<link rel="stylesheet" href="/stately.css">
<p>This page shows what your applications tell to <b>stately.ai</b>, in its inspector. <a href="/">Back</a></p>
<iframe title="Stately Inspector" data-src="${ORIGIN}/inspect"></iframe>
<script type="module" src="/stately.js"></script>
</html>
`;

const CSS = `html, body { block-size: 100%; margin: 0; font: 14px system-ui, sans-serif; color-scheme: light dark; }
body { display: grid; grid-template-rows: auto 1fr; }
p { margin: 0; padding: 0.5rem 1rem; }
iframe { inline-size: 100%; block-size: 100%; border: 0; }
`;

/** The inspector says when it is ready; what came before that waits, a bounded time. */
const SCRIPT = `const frame = document.querySelector('iframe');
const waiting = [];
let isReady = false;
const tell = (told) => frame.contentWindow.postMessage(told, '${ORIGIN}');
addEventListener('message', ({ source, origin, data }) => {
  if (source !== frame.contentWindow || origin !== '${ORIGIN}' || data?.type !== '@statelyai.connected') return;
  isReady = true;
  for (const told of waiting.splice(0)) tell(told);
});
new WebSocket('ws://' + location.host + '/frames').addEventListener('message', ({ data }) => {
  const told = JSON.parse(data);
  if (isReady) tell(told);
  else if (waiting.push(told) > 5000) waiting.shift();
});
frame.src = frame.dataset.src;
`;

const FILES: Readonly<Record<string, { readonly contentType: string; readonly body: string }>> = {
  '/stately': { contentType: 'text/html; charset=utf-8', body: HTML },
  '/stately.css': { contentType: 'text/css; charset=utf-8', body: CSS },
  '/stately.js': { contentType: 'text/javascript; charset=utf-8', body: SCRIPT },
};

export const statelyRoute: Route = (path) => {
  const file = FILES[path];
  return file && { ...file, frames: ORIGIN };
};

const TICK_MS = 100;
const MAX_UNREAD_BYTES = 4 * 1024 * 1024;
/** Of each row, at one time. */
const MAX_FRAMES = 200;

/** Tells one such page, in the wire format of @statelyai/inspect, what is kept and what is new. */
export function tellStately(socket: WebSocket, store: Store): void {
  const told = new Map<string, number>();
  const timer = setInterval(() => {
    if (socket.bufferedAmount > MAX_UNREAD_BYTES) return;
    for (const row of store.rows) {
      const next = told.get(row.id);
      if (next !== row.moments.end) told.set(row.id, tellRow(socket, row, next));
    }
  }, TICK_MS).unref();
  socket.on('close', () => clearInterval(timer));
}

/** Returns the number of the next moment to tell. */
function tellRow(socket: WebSocket, row: KeptRow, next: number | undefined): number {
  const { redactor, moments } = row;
  const from = Math.max(next ?? 0, moments.end - MAX_FRAMES);
  for (const moment of moments.from(from)) {
    const { event, at } = moment;
    const facts: FrameFacts = { sessionId: row.id, rootId: row.id, at };
    const snapshot = snapshotOf(row, moment);
    if (next === undefined) {
      const actor = { sessionId: row.id, id: row.name, logic: { config: row.chart.config } };
      socket.send(actorFrame(facts, { actor, snapshot }, redactor));
      next = from;
    }
    socket.send(snapshotFrame(facts, { event, snapshot }, redactor));
  }
  return moments.end;
}

const snapshotOf = ({ status }: KeptRow, { value, context }: Moment): object => ({
  status: status === 'live' ? 'active' : 'done',
  value,
  context,
  children: {},
});
