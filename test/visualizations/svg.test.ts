// The picture shows the whole chart, and nothing in it covers anything else.
import { createMachine } from 'xstate';
import { describe, expect, it } from 'vitest';
import { connectionMachine } from '../../machines/index.ts';
import { toGraph } from '../../visualizations/graph.ts';
import { layOut, type PlacedState } from '../../visualizations/layout.ts';
import { drawMachine } from '../../visualizations/svg.ts';
import { crossed, isInsideOf, overlapping, type Named } from './overlaps.ts';
import { checkout, player } from './machines.ts';
import { assertWellFormed } from './xml.ts';

const drawn = await Promise.all(
  [connectionMachine, player, checkout].map(async (machine) => {
    const graph = toGraph(machine);
    return { name: machine.id, graph, svg: await drawMachine(graph), layout: await layOut(graph) };
  }),
);

const unescaped = (svg: string): string =>
  svg.replace(/&(amp|lt|gt|quot);/g, (_, name: string) => ({ amp: '&', lt: '<', gt: '>' })[name] ?? '"');

const valuesOf = (svg: string, attribute: string): string[] =>
  [...svg.matchAll(new RegExp(` ${attribute}="([^"]*)"`, 'g'))].map(([, value = '']) => value);

describe.each(drawn)('the picture of $name', ({ name, graph, svg, layout }) => {
  const labels = layout.arrows.map(({ label, lines }): Named => ({
    name: lines.map(({ text }) => text).join(),
    ...label,
  }));
  const words = layout.states.flatMap(({ state, contents: { title, pills, rows } }): Named[] => [
    ...(state.type === 'history' ? [] : [{ name: state.id, ...title }]),
    ...pills.map(({ text, area }) => ({ name: `${state.id} ${text}`, ...area })),
    ...rows.map(({ line, area }) => ({ name: `${state.id} ${line.text}`, ...area })),
  ]);
  const namedState = ({ state, area }: PlacedState): Named => ({ name: state.id, ...area });

  it('shows each state once', () => {
    const frame = name === 'connection' ? [] : [name];

    expect(valuesOf(svg, 'data-state')).toEqual([...frame, ...graph.states.map(({ id }) => id)]);
  });

  it('shows each transition, once for each state that it enters', () => {
    const shown = valuesOf(svg, 'data-edge').flatMap((indexes) => indexes.split(' ').map(Number));
    const expected = graph.edges.flatMap(({ targets }, index) =>
      Array<number>(Math.max(targets.length, 1)).fill(index),
    );

    expect(shown.toSorted((a, b) => a - b)).toEqual(expected);
  });

  it('names every event, guard, tag and actor, and describes what has a description', () => {
    const text = unescaped(svg);
    const said = [
      ...graph.states.flatMap(({ tags, invokes, description }) => [...tags, ...invokes, description]),
      ...graph.edges.flatMap(({ label, guard, description }) => [label, guard ?? '', description]),
      graph.description,
    ];

    expect(said.filter((words) => !text.includes(words))).toEqual([]);
  });

  it('covers no label and no word with another one, nor a label with a state', () => {
    const leaves = layout.states.filter(({ isContainer }) => !isContainer).map(namedState);

    expect(overlapping([...labels, ...words])).toEqual([]);
    expect(overlapping([...labels, ...leaves])).toEqual([]);
  });

  it('draws no line through the words of something else', () => {
    const ways = [...layout.arrows.map(({ way }) => way), ...layout.starts.map(({ way }) => way)];
    const foreign = labels.flatMap((label, index) =>
      crossed(
        label,
        ways.filter((_, other) => other !== index),
      ),
    );

    expect(foreign).toEqual([]);
    expect(words.flatMap((word) => crossed(word, ways))).toEqual([]);
  });

  it('keeps everything in its place: words in their state, states in their parent, all in the picture', () => {
    const picture = { x: 0, y: 0, width: layout.width, height: layout.height };
    const parentOf = ({ state }: PlacedState) =>
      layout.states.find((other) => other.state.id === state.parent)?.area ?? picture;
    const astray = layout.states
      .filter((placed) => !isInsideOf(placed.area, parentOf(placed)))
      .map(namedState);

    expect(astray).toEqual([]);
    expect(labels.filter((label) => !isInsideOf(label, picture))).toEqual([]);
    for (const { area, contents } of layout.states) {
      const parts = [...contents.pills, ...contents.rows].map((part) => part.area);
      expect([contents.title, ...parts].filter((part) => !isInsideOf(part, area))).toEqual(
        area.width === 30 ? [contents.title] : [],
      );
    }
  });

  it('is well-formed XML that loads nothing and runs nothing', () => {
    assertWellFormed(svg);
    expect(svg).not.toMatch(/<script|<image|<foreignObject|href=|url\(|@import| on\w+=/);
  });

  it('has no number that two machines could round differently', () => {
    const numbers = [...svg.matchAll(/\d+\.\d+/g)].map(([number]) => number);

    expect(numbers.filter((number) => !number.endsWith('.5'))).toEqual([]);
  });

  it('comes out the same twice', async () => {
    expect(await drawMachine(graph)).toBe(svg);
  });
});

describe('the picture of the connection', () => {
  const [{ svg, layout } = drawn[0]!] = drawn;

  it('is narrow enough to be read in a README', () => {
    expect(layout.width).toBeLessThanOrEqual(900);
  });

  it('leads the eye from idle to open', () => {
    expect(svg.match(/class="edge event road"/g)).toHaveLength(3);
    expect(layout.arrows.filter(({ isRoad }) => isRoad).map(({ lines }) => lines[0]?.text)).toEqual([
      'connect',
      'socket.opened',
      'handshake.accepted',
    ]);
  });

  it('writes what is the same in many states, and draws the rest', () => {
    const written = layout.states.flatMap(({ state, contents }) =>
      contents.rows.map(({ line }) => `${state.key}: ${line.text} → ${line.to ?? 'stays'}`),
    );

    expect(written).toEqual([
      'idle: disconnect → closed',
      'connecting: disconnect → closed',
      'open: after stable → stays',
      'leaving: disconnect → stays',
      'deciding: disconnect → closed',
      'reconnecting: connect → online',
      'reconnecting: disconnect → closed',
      'failed: connect → online',
      'failed: disconnect → closed',
      'closed: connect → online',
    ]);
  });
});

describe('the picture of a machine with everything', () => {
  const { svg } = drawn[2]!;

  it('marks what remembers and what is final', () => {
    expect(svg).toContain('>H</text>');
    expect(svg).toContain('>H*</text>');
    expect(svg.match(/class="inner"/g)).toHaveLength(1);
  });

  it('writes what the chart says, whatever characters it is made of', () => {
    expect(svg).toContain('A shop &amp; its &lt;till&gt;.');
  });
});

describe('the picture of a machine without states', () => {
  it('is one box, with what the machine does in it', async () => {
    const machine = createMachine({ id: 'counter', on: { INCREMENT: { actions: 'add' } } });

    const { states, arrows } = await layOut(toGraph(machine));

    expect(states.map(({ state, lines }) => [state.id, lines.map(({ text }) => text)])).toEqual([
      ['counter', ['INCREMENT']],
    ]);
    expect(arrows).toEqual([]);
  });
});
