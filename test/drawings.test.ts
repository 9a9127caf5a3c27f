// The drawings and tables are what the chart says today, whoever changed it last.
import { createMachine } from 'xstate';
import { describe, expect, it } from 'vitest';
import { CONNECTION_STATES, connectionMachine } from '../machines/index.ts';
import { ERRORS } from '../src/errors.ts';
import { BLOCKS } from '../visualizations/blocks.ts';
import { fill, generatedFiles } from '../visualizations/generated.ts';
import { toGraph } from '../visualizations/graph.ts';
import { toMermaid } from '../visualizations/mermaid.ts';

const files = await generatedFiles();
const graph = toGraph(connectionMachine);

describe('the generated files', () => {
  for (const { path, text, onDisk } of files)
    it(`${path} is up to date: otherwise run "npm run draw"`, () => {
      expect(onDisk).toBe(text);
    });

  it('come out the same twice', async () => {
    expect(await generatedFiles()).toEqual(files);
  });
});

describe('the drawing as text', () => {
  const drawing = toMermaid(graph);

  it('shows every state', () => {
    const shown = drawing.split(/\W+/);

    expect(graph.states.map(({ key }) => key).filter((key) => !shown.includes(key))).toEqual([]);
  });

  it('shows every event that leads somewhere', () => {
    const labels = drawing.split('\n').flatMap((line) => line.split(' : ')[1]?.split('<br/>') ?? []);
    const leading = graph.edges.filter(({ target }) => target !== null).map(({ label }) => label);

    expect(new Set(labels)).toEqual(new Set(leading));
  });

  it('has no arrow between a state and one inside it, which Mermaid cannot draw', () => {
    const nested = graph.states.flatMap(({ id, key }) =>
      graph.states.filter((inner) => inner.id.startsWith(`${id}.`)).map((inner) => [key, inner.key]),
    );

    for (const [outer, inner] of nested) {
      expect(drawing).not.toContain(`  ${outer} --> ${inner} `);
      expect(drawing).not.toContain(`  ${inner} --> ${outer} `);
    }
  });

  it('draws a transition of an outer state from those inner states that leave it to the outer one', () => {
    const machine = createMachine({
      initial: 'outer',
      states: {
        outer: {
          initial: 'plain',
          on: { STOP: '.stopped' },
          states: { plain: {}, stubborn: { on: { STOP: {} } }, stopped: {} },
        },
      },
    });

    expect(toMermaid(toGraph(machine)).split('\n')).toContain('  plain --> stopped : STOP');
    expect(toMermaid(toGraph(machine))).not.toContain('stubborn -->');
  });
});

describe('the chart as JSON', () => {
  it('is the same chart for whoever imports it', () => {
    const json = files.find(({ path }) => path.endsWith('.json'))!.text;

    expect(toGraph(createMachine(JSON.parse(json) as object))).toEqual(graph);
  });
});

describe('the tables', () => {
  const rowsOf = (name: string): string[] => BLOCKS[name]!('A.md').split('\n').slice(2);

  it('have a row for each state, each transition and each error', () => {
    expect(rowsOf('states')).toHaveLength(graph.states.length);
    expect(rowsOf('events')).toHaveLength(graph.edges.length);
    expect(rowsOf('errors').map((row) => row.split('`')[1])).toEqual(Object.keys(ERRORS));
  });

  it('use every public state', () => {
    const used = new Set(rowsOf('states').map((row) => row.split('|')[1]!.trim()));

    expect(CONNECTION_STATES.filter((state) => !used.has(`\`${state}\``))).toEqual([]);
  });

  it('show the figures of an error message by their names', () => {
    expect(rowsOf('errors')).toContainEqual(expect.stringContaining('did not open within ‹limitMs› ms'));
    expect(rowsOf('errors').filter((row) => /NaN|undefined|\[object/.test(row))).toEqual([]);
  });
});

describe('a marker', () => {
  const open = (name: string): string => `<!-- generated:${name} -->`;
  const close = (name: string): string => `<!-- /generated:${name} -->`;

  it('has the block between it and its counterpart replaced, and nothing around them', async () => {
    const text = ['before', '', open('drawing'), 'stale', close('drawing'), '', 'after', ''].join('\n');

    const filled = await fill(text, 'A.md');

    expect(filled).toBe(
      [
        'before',
        '',
        open('drawing'),
        '',
        BLOCKS['drawing']!('A.md'),
        '',
        close('drawing'),
        '',
        'after',
        '',
      ].join('\n'),
    );
    expect(await fill(filled, 'A.md')).toBe(filled);
  });

  it('gets links that work from the file it is in', async () => {
    const [inRoot, inFolder] = await Promise.all(
      ['A.md', 'machines/A.md'].map((path) => fill(`${open('drawing')}\n${close('drawing')}\n`, path)),
    );

    expect(inRoot).toContain('](visualizations/connection.svg)');
    expect(inFolder).toContain('](../visualizations/connection.svg)');
  });

  it('is an error when nobody generates what it asks for', async () => {
    await expect(fill(`${open('weather')}\n${close('weather')}\n`, 'A.md')).rejects.toThrow(
      'A.md: nobody generates "weather"; there is drawing',
    );
  });

  it.each([
    ['opens and is not closed', `${open('states')}\n`],
    ['closes and was not opened', `${close('states')}\n`],
    ['is closed by another one', `${open('states')}\n${close('events')}\n`],
  ])('is an error when it %s', async (_, text) => {
    await expect(fill(text, 'A.md')).rejects.toThrow('A.md: the marker of the generated block "states"');
  });
});
