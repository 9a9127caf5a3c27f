// The page of the live view: what the server tells goes into the store, and each frame shows what has changed.
import type { Row } from '../protocol.ts';
import type { Caption } from './captions.ts';
import { ChartView } from './chart-view.ts';
import { DetailsView } from './details-view.ts';
import { part, setAttributes, setText } from './dom.ts';
import { ExplainView } from './explain-view.ts';
import { startKeys } from './keys.ts';
import { Link } from './link.ts';
import { OutlineView } from './outline-view.ts';
import { recordingLink } from './recording-link.ts';
import { fillBadge, RowsView } from './rows-view.ts';
import { Store, type LinkState } from './store.ts';
import { startTheme } from './theme.ts';
import { TimelineView } from './timeline-view.ts';
import { pathOf } from './chart-model.ts';
import { wordOf } from './tone.ts';

/** How often countdowns and ages are written anew. */
const TICK_MS = 100;
const ANNOUNCE_EVERY_MS = 1000;

const LINK_TEXTS: Readonly<Record<LinkState, string>> = {
  connecting: 'Connecting to the server of this page',
  up: '',
  lost: 'The server of this page is gone: trying again every second. What is shown is what was known.',
};

let isDirty = false;

/** Shows everything in the next frame: many changes, one picture. */
function changed(): void {
  if (isDirty) return;
  isDirty = true;
  requestAnimationFrame(() => {
    isDirty = false;
    show();
  });
}

const store = new Store(changed);
const chart = new ChartView(caption);
const outline = new OutlineView();
const explanation = new ExplainView((edges) => chart.hint(edges));
const timeline = new TimelineView(store);
const details = new DetailsView();
const rows = new RowsView(store, watch);
const changeTheme = startTheme();
let wantsOutline = false;
let announced = '';
let mayAnnounceAt = 0;

const address = new URL('/live', location.href);
address.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
const link = new Link(address.href, {
  opened() {
    store.setLink('up');
    if (store.watched !== undefined) link.send({ type: 'watch', id: store.watched.id });
  },
  heard(message) {
    store.hear(message);
    if (message.type === 'rows' && store.watched === undefined) watchFirst(message.rows);
  },
  lost: () => store.setLink('lost'),
});

function watch(id: string): void {
  if (id === store.watched?.id) return;
  store.watch(id);
  link.send({ type: 'watch', id });
}

/** Until the user chooses, the first one that lives is watched; the address may name another one. */
function watchFirst(told: readonly Row[]): void {
  const named = decodeURIComponent(location.hash.slice(1));
  const row = told.find(({ id }) => id === named) ?? told.find(({ status }) => status === 'live') ?? told[0];
  if (row !== undefined) watch(row.id);
}

function show(): void {
  setText(part('link-state'), LINK_TEXTS[store.link]);
  setAttributes(part('link-state'), { 'data-link': store.link });
  rows.update();
  const { watched, moment } = store;
  const machine = watched?.machine;
  part('empty').hidden = watched !== undefined;
  for (const id of ['subject-bar', 'chart-panel', 'explain', 'timeline', 'details'])
    part(id).hidden = watched === undefined;
  if (watched === undefined) return;
  showSubject();
  timeline.update();
  if (machine === undefined) return;
  chart.update(machine, moment);
  outline.update(machine, moment);
  showChartOrOutline();
  details.update(store, machine);
  if (moment !== undefined) explanation.update(machine, moment, store);
}

/** The name and the state of what is watched. */
function showSubject(): void {
  const { watchedRow: row, moment, isLive } = store;
  if (row === undefined) return;
  const state = moment === undefined ? row.state : pathOf(moment.entry.value);
  setText(part('subject'), row.name);
  fillBadge(part('subject-state'), { ...row, state, status: isLive ? row.status : 'live' });
  const forgotten = store.link === 'up' && !store.keeps(row.id) ? ', no longer kept by the server' : '';
  setText(
    part('subject-about'),
    `${row.status === 'ended' ? `ended${forgotten}` : ''}${isLive ? '' : ' looking back'}`.trim(),
  );
  setAttributes(part('recording'), recordingLink(row, store));
  document.title = `${wordOf(row.state, row.machine)} · ${row.name} · statewire`;
  announce(`${row.name}: ${state.replaceAll('.', ', ')}`);
}

/** For screen readers, at most once in a while: of many changes the last one is read. */
function announce(text: string): void {
  if (text === announced || performance.now() < mayAnnounceAt) return;
  announced = text;
  mayAnnounceAt = performance.now() + ANNOUNCE_EVERY_MS;
  setText(part('announcer'), text);
}

function showChartOrOutline(): void {
  const isOutline = wantsOutline || !chart.hasDrawing;
  part('canvas').hidden = isOutline;
  part('outline').classList.toggle('visually-hidden', !isOutline);
  part('zoom').hidden = isOutline;
  setAttributes(part('as-drawing'), {
    'aria-pressed': String(!isOutline),
    disabled: chart.hasDrawing ? undefined : '',
  });
  setAttributes(part('as-outline'), { 'aria-pressed': String(isOutline) });
}

function caption(shown: Caption | undefined): void {
  const element = part('caption');
  element.hidden = shown === undefined;
  if (shown === undefined) return;
  const title = document.createElement('b');
  title.textContent = shown.title;
  element.replaceChildren(title, `\n${shown.text}`);
}

function toggleWide(): void {
  const isWide = document.body.classList.toggle('wide');
  setAttributes(part('wide'), { 'aria-pressed': String(isWide) });
}

function chooseOutline(wanted: boolean): void {
  wantsOutline = wanted;
  changed();
}

const openHelp = (): void => part<HTMLDialogElement>('help').showModal();

function escape(): void {
  const filter = part<HTMLInputElement>('filter');
  if (document.activeElement === filter) {
    filter.value = '';
    filter.dispatchEvent(new Event('input'));
    filter.blur();
  } else store.goLive();
}

startKeys([
  { keys: ['j', 'ArrowDown'], help: 'the next event', run: () => store.step(1) },
  { keys: ['k', 'ArrowUp'], help: 'the event before', run: () => store.step(-1) },
  { keys: ['PageDown'], help: 'ten events on', run: () => store.step(10) },
  { keys: ['PageUp'], help: 'ten events back', run: () => store.step(-10) },
  { keys: ['Home'], help: 'the first event that is kept', run: () => store.select(0) },
  { keys: ['End'], help: 'the last event', run: () => store.select(Infinity) },
  { keys: [' '], help: 'back to live, or to the end', run: () => store.goLive() },
  { keys: ['n'], help: 'the next connection', run: () => rows.step(1) },
  { keys: ['p'], help: 'the connection before', run: () => rows.step(-1) },
  { keys: ['/'], help: 'filter the connections', run: () => part('filter').focus() },
  { keys: ['f'], help: 'show the whole chart', run: () => chart.zoomPan.fit() },
  { keys: ['a'], help: 'keep the active state in sight', run: () => chart.zoomPan.follow() },
  { keys: ['+', '='], help: 'zoom in', run: () => chart.zoomPan.zoomIn() },
  { keys: ['-'], help: 'zoom out', run: () => chart.zoomPan.zoomOut() },
  { keys: ['o'], help: 'drawing or outline', run: () => chooseOutline(!wantsOutline) },
  { keys: ['w'], help: 'a larger chart', run: toggleWide },
  { keys: ['t'], help: 'light, dark, or as the system has it', run: changeTheme },
  { keys: ['?'], help: 'this list', run: openHelp },
  { keys: ['Escape'], help: 'leave the filter; back to live, or to the end', run: escape },
]);

part('as-drawing').addEventListener('click', () => chooseOutline(false));
part('as-outline').addEventListener('click', () => chooseOutline(true));
part('wide').addEventListener('click', toggleWide);
part('help-button').addEventListener('click', openHelp);
setInterval(changed, TICK_MS);
changed();
