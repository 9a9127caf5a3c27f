// What every generated file must hold. Pure but for reading: render.ts writes it, a test compares it.
import { readFile } from 'node:fs/promises';
import type { AnyStateMachine } from 'xstate';
import { format, resolveConfig } from 'prettier';
import { connectionMachine, relayMachine, sessionMachine, subscriptionMachine } from '../machines/index.ts';
import { BLOCKS } from './blocks.ts';
import { toGraph } from './graph.ts';
import { toMermaid } from './mermaid.ts';
import { drawMachine } from './svg.ts';

export interface GeneratedFile {
  /** Relative to the root of the repository. */
  readonly path: string;
  readonly text: string;
  /** What the file holds now; `null` when there is none. */
  readonly onDisk: string | null;
}

const ROOT = new URL('../', import.meta.url);

/** What is drawn, each under the name of its id. */
const MACHINES: readonly AnyStateMachine[] = [
  connectionMachine,
  sessionMachine,
  subscriptionMachine,
  relayMachine,
];

/** The files that are prose with generated blocks in it. One that does not exist is left out. */
const PROSE = ['README.md', 'machines/README.md', 'docs/realtime.md', 'docs/channels.md'];

export async function generatedFiles(): Promise<GeneratedFile[]> {
  const drawn: GeneratedFile[] = [];
  for (const machine of MACHINES) drawn.push(...(await drawingsOf(machine)));
  return [...drawn, ...(await Promise.all(PROSE.map(filledFile))).filter((file) => file !== null)];
}

async function drawingsOf(machine: AnyStateMachine): Promise<GeneratedFile[]> {
  const graph = toGraph(machine);
  const path = `visualizations/${machine.id}`;
  return [
    await wholeFile(`${path}.svg`, await drawMachine(graph)),
    await wholeFile(`${path}.mmd`, toMermaid(graph)),
    await wholeFile(`${path}.json`, await formatted(toJson(machine.config), 'json')),
  ];
}

const wholeFile = async (path: string, text: string): Promise<GeneratedFile> => ({
  path,
  text,
  onDisk: await textOf(path),
});

async function filledFile(path: string): Promise<GeneratedFile | null> {
  const onDisk = await textOf(path);
  return onDisk === null ? null : { path, text: await fill(onDisk, path), onDisk };
}

/**
 * Puts what the generators say today between the markers of a text. A marker is a line of its own.
 *
 * @throws {Error} naming file and marker, when nobody generates such a block or it is not closed.
 */
export async function fill(text: string, path: string): Promise<string> {
  const parts = text.split(/^<!-- (\/?)generated:(\S+) -->$/m);
  let filled = parts[0] ?? '';
  for (let at = 1; at < parts.length; at += 6) {
    const [slash, name = '', , closingSlash, closingName, prose = ''] = parts.slice(at, at + 6);
    if (slash === '/' || closingSlash !== '/' || closingName !== name)
      throw new Error(`${path}: the marker of the generated block "${name}" has no counterpart.`);
    filled += `<!-- generated:${name} -->\n\n${await block(name, path)}\n<!-- /generated:${name} -->${prose}`;
  }
  return filled;
}

function block(name: string, path: string): Promise<string> {
  const generate = BLOCKS[name];
  if (!generate)
    throw new Error(`${path}: nobody generates "${name}"; there is ${Object.keys(BLOCKS).join(', ')}.`);
  return formatted(generate(path), 'markdown');
}

/** The configuration as Stately Studio imports it: names instead of functions, `{}` for a forbidden event. */
const toJson = (config: unknown): string =>
  JSON.stringify(config, (_, value: unknown) => {
    if (typeof value === 'function') return undefined;
    return value === undefined ? {} : value;
  });

/** As `prettier --check` wants it, so that a generated file is never at odds with the formatter. */
const formatted = async (text: string, parser: 'json' | 'markdown'): Promise<string> =>
  format(text, { ...(await resolveConfig(ROOT)), parser });

async function textOf(path: string): Promise<string | null> {
  try {
    return await readFile(new URL(path, ROOT), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
