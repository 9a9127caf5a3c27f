// The registry of generated text: what stands between `<!-- generated:NAME -->` and `<!-- /generated:NAME -->`.
// A new generator is one more line of BLOCKS.
import { initialTransition } from 'xstate';
import { connectionMachine, selectState } from '../machines/index.ts';
import { ERRORS } from '../src/errors.ts';
import { toGraph, valueOf, type GraphState } from './graph.ts';
import { toMermaid } from './mermaid.ts';
import { optionsTable } from './options.ts';
import { errorsTable, eventsTable, statesTable } from './tables.ts';

const graph = toGraph(connectionMachine);

/** What every block holds, as Markdown, by its name. */
export const BLOCKS: Readonly<Record<string, () => string>> = {
  drawing: () => `\`\`\`mermaid\n${toMermaid(graph)}\`\`\``,
  states: () => statesTable(graph, publicStateOf),
  events: () => eventsTable(graph),
  errors: () => errorsTable(ERRORS),
  options: () => optionsTable(),
};

const limits = { connectMs: 0, handshakeMs: 0, closeMs: 0, stableAfterMs: 0, networkPatienceMs: 0 };

function publicStateOf({ path }: GraphState): string {
  const [{ context }] = initialTransition(connectionMachine, { limits });
  return selectState(connectionMachine.resolveState({ value: valueOf(path), context }));
}
