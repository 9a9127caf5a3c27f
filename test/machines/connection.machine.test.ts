// What holds for the chart as a whole, whatever is in it.
import { describe, expect, expectTypeOf, it } from 'vitest';
import { connectionMachine, type ConnectionContext } from '../../machines/index.ts';
import { arrowsFrom, graph, leaves, reached, say } from '../support/chart.ts';

/** The keys of a type whose value may be true or false. */
type FlagsOf<Type> = {
  [Key in keyof Type]-?: Extract<Type[Key], boolean> extends never ? never : Key;
}[keyof Type];

describe('the chart', () => {
  it('explains every state and every transition', () => {
    const unexplained = [...graph.states, ...graph.edges].filter(
      ({ description }) => !/^[A-Z].*[.]$/.test(description),
    );

    expect(unexplained).toEqual([]);
    expect(graph.description).not.toBe('');
  });

  it('has no state that cannot be reached', () => {
    expect([...reached().keys()].toSorted()).toEqual(leaves.toSorted());
  });

  it('has no state that cannot be left', () => {
    const dead = leaves.filter((leaf) => arrowsFrom(leaf).every(({ target }) => target === null));

    expect(dead).toEqual([]);
  });

  it('ends in closed when the user disconnects and nobody answers, from every state', () => {
    for (const snapshot of reached().values()) {
      const [ended] = say(snapshot, 'disconnect', 'after closeTimeout');

      expect(ended.value).toBe('closed');
    }
  });
});

describe('what the machine remembers', () => {
  it('is never a flag: what is true of a connection is a state', () => {
    expectTypeOf<FlagsOf<ConnectionContext>>().toEqualTypeOf<never>();

    const values = [...reached().values()].flatMap(({ context }) => Object.values(context) as unknown[]);
    expect(values.filter((value) => typeof value === 'boolean')).toEqual([]);
  });

  it('survives JSON in every state', () => {
    for (const snapshot of reached().values()) {
      const persisted = connectionMachine.getPersistedSnapshot(snapshot);

      expect(JSON.parse(JSON.stringify(persisted))).toEqual(persisted);
    }
  });
});
