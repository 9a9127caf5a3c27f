// The page: a chat over a WebSocket, and three event streams, each panel with a connection of its own.
import { startTheme } from '../../../visualizations/live/page/theme.ts';
import { ChatPanel } from './chat-panel.ts';
import { logsPanel } from './log-panel.ts';
import { metricsPanel } from './metrics-panel.ts';
import { Stream } from './stream.ts';
import { stocksPanel } from './ticker-panel.ts';

/** How often countdowns are written anew. */
const TICK_MS = 100;

const changeTheme = startTheme();
addEventListener('keydown', ({ key, target, ctrlKey, metaKey, altKey }) => {
  const isTyping = target instanceof HTMLInputElement || target instanceof HTMLSelectElement;
  if (key === 't' && !isTyping && !ctrlKey && !metaKey && !altKey) changeTheme();
});

const panels = [
  new ChatPanel(),
  ...[stocksPanel(), metricsPanel(), logsPanel()].map((panel) => new Stream(panel)),
];
setInterval(() => {
  for (const panel of panels) panel.tick(performance.now());
}, TICK_MS);
