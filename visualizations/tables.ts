// The tables of the READMEs, as Markdown that nobody writes by hand: states and events of a machine, and the errors.
import type { Graph, GraphEdge, GraphState } from './graph.ts';

/** What a tag of the chart promises to somebody who calls `send()`. */
const SENDING: Readonly<Record<string, string>> = {
  writes: 'is written',
  queues: 'is queued',
  refuses: 'is refused',
};

/** Who reports the facts that begin with this word. */
const REPORTERS: Readonly<Record<string, string>> = {
  socket: '`socket`',
  handshake: '`socket`',
  heartbeat: '`heartbeat`',
  network: '`surroundings`',
  page: '`surroundings`',
  verdict: '`retryPolicy`',
};

/** One row per state, in the order of the chart; `publicStateOf` names what the outside sees of a leaf. */
export function statesTable(graph: Graph, publicStateOf: (leaf: GraphState) => string): string {
  const rows = graph.states.map((state) => [
    theOnly(leavesIn(graph, state).map((leaf) => code(publicStateOf(leaf)))),
    code(state.path),
    state.description,
    theOnly(leavesIn(graph, state).map((leaf) => sendingIn(graph, leaf))),
    state.invokes.map(code).join(', '),
  ]);
  return table(['public state', 'node', 'what is true', 'a message', 'actors at work'], rows);
}

/** One row per transition: what one speaker says stands together, and so do the transitions of one event. */
export function eventsTable(graph: Graph): string {
  const speakers = groupsOf(graph.edges, speakerOf);
  const rows = speakers.flatMap(([speaker, said]) =>
    groupsOf(said, ({ label }) => label).flatMap(([label, edges], nth) =>
      edges.map((edge, index) => [
        nth + index === 0 ? speaker : '',
        index === 0 ? code(label) : '',
        code(pathOf(graph, edge.source)),
        edge.target === null ? 'stays' : code(pathOf(graph, edge.target)),
        edge.description,
      ]),
    ),
  );
  return table(['who says it', 'event', 'from', 'to', 'what it means'], rows);
}

interface ErrorRow {
  readonly retryable: boolean;
  readonly message: (details: Readonly<Record<string, string | number | boolean>>) => string;
  readonly remedy: string;
}

/** One row per error code; what varies in a message is shown as `‹name›`. */
export function errorsTable(errors: Readonly<Record<string, ErrorRow>>): string {
  const rows = Object.entries(errors).map(([errorCode, { retryable, message, remedy }]) => [
    code(errorCode),
    retryable ? 'yes' : 'no',
    message(placeholders),
    remedy,
  ]);
  return table(['code', 'retryable', 'what happened', 'what to do'], rows);
}

/** Answers every detail with its own name; a close code is an example, because its name is looked up. */
const placeholders = new Proxy<Record<string, string | number>>(
  {},
  { get: (_, name) => (name === 'closeCode' ? 1012 : `‹${String(name)}›`) },
);

function speakerOf({ kind, label }: GraphEdge): string {
  const [word = '', fact] = label.split(/[. ]/);
  if (kind === 'after') return 'the clock';
  if (kind === 'error' || kind === 'done') return code(word);
  if (fact === undefined) return 'you';
  const reporter = REPORTERS[word];
  if (!reporter)
    throw new Error(`Nobody is known to say "${label}": add "${word}" to REPORTERS in tables.ts.`);
  return reporter;
}

/** What becomes of a message: the tag of the innermost state that has one. */
function sendingIn(graph: Graph, { tags, parent }: GraphState): string {
  const tag = tags.find((name) => name in SENDING);
  if (tag !== undefined) return SENDING[tag] ?? '';
  const outer = graph.states.find(({ id }) => id === parent);
  return outer ? sendingIn(graph, outer) : '';
}

function leavesIn(graph: Graph, state: GraphState): GraphState[] {
  const children = graph.states.filter(({ parent }) => parent === state.id);
  return children.length === 0 ? [state] : children.flatMap((child) => leavesIn(graph, child));
}

/** In the order in which the groups appear. */
const groupsOf = <Item>(items: readonly Item[], keyOf: (item: Item) => string): [string, Item[]][] =>
  [...new Set(items.map(keyOf))].map((key) => [key, items.filter((item) => keyOf(item) === key)]);

const pathOf = (graph: Graph, id: string): string =>
  graph.states.find((state) => state.id === id)?.path ?? graph.id;

/** The text that all of them have in common; nothing when they differ. */
const theOnly = (texts: readonly string[]): string => {
  const [text = '', ...others] = new Set(texts);
  return others.length === 0 ? text : '';
};

const code = (text: string): string => `\`${text}\``;

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [header, header.map(() => '---'), ...rows];
  return lines
    .map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`)
    .join('\n');
}
