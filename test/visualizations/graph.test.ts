// What every drawing starts from: the words for what XState names in its own way.
import { describe, expect, it } from 'vitest';
import { toGraph } from '../../visualizations/graph.ts';
import { toMermaid } from '../../visualizations/mermaid.ts';
import { checkout, player } from './machines.ts';

const words = (machine: Parameters<typeof toGraph>[0]): string[] =>
  toGraph(machine).edges.map(
    ({ source, label, guard, targets }) => `${source}: ${label} [${guard ?? ''}] ${targets.join(' + ')}`,
  );

describe('the graph of a machine', () => {
  it('reads guards, delays, answers of actors and the wildcard as a person would say them', () => {
    expect(words(checkout)).toEqual([
      'checkout: HELP [] checkout.help',
      'checkout: any other event [] ',
      'checkout.shopping.looking: ADD [] checkout.shopping.choosing',
      'checkout.shopping.looking: LOOK [] checkout.shopping.looking',
      'checkout.shopping.choosing: BACK [] checkout.shopping.looking',
      'checkout.shopping.choosing: CHECKOUT [not isEmpty] checkout.paying',
      'checkout.shopping.choosing: always [isEmpty] checkout.shopping.looking',
      'checkout.help: THANKS [] checkout.shopping.last',
      'checkout.help: RETURN [] checkout.shopping.exact',
      'checkout.paying: pay done [isRich and isKnown] checkout.done',
      'checkout.paying: pay done [] checkout.shopping',
      'checkout.paying: pay error [] checkout.shopping',
      'checkout.paying: after patience [] checkout.shopping',
    ]);
  });

  it('has every state that a transition enters, and a delay in figures with its unit', () => {
    expect(words(player)).toContain('player: RESET [] player.sound.on + player.film.paused');
    expect(words(player)).toContain('player.film.running: after 5 s [] player.film.paused');
  });

  it('knows what kind of state each is, and what it starts with', () => {
    const { type, invokes, initial, states } = toGraph(checkout);
    const special = states.filter((state) => ['history', 'final'].includes(state.type));

    expect({ type, invokes, initial }).toEqual({
      type: 'compound',
      invokes: ['audit'],
      initial: 'checkout.shopping',
    });
    expect(special.map(({ path, history, initial: start }) => [path, history, start])).toEqual([
      ['shopping.last', 'shallow', 'checkout.shopping.looking'],
      ['shopping.exact', 'deep', null],
      ['done', null, null],
    ]);
    expect(toGraph(player).type).toBe('parallel');
  });
});

describe('the text of a machine with regions', () => {
  it('separates the regions, and starts each', () => {
    expect(toMermaid(toGraph(player)).split('\n').slice(0, 10)).toEqual([
      'stateDiagram-v2',
      '  state sound {',
      '    [*] --> on',
      '    on',
      '    off',
      '  }',
      '  --',
      '  state film {',
      '    [*] --> paused',
      '    paused',
    ]);
  });

  it('ends at a final state', () => {
    expect(toMermaid(toGraph(checkout)).split('\n')).toContain('  done --> [*]');
  });
});
