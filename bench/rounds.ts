// How contenders are set beside each other: in interleaved rounds, as medians, percentiles and ratios.

/**
 * Every contender once a round, in turn and every other round in the opposite order, so that whatever the machine does,
 * and what one leaves to the next, hits all of them alike. The first rounds only warm up.
 */
export async function interleave<Name extends string, Figure>(
  contenders: readonly Name[],
  measure: (name: Name) => Promise<Figure>,
  rounds: number,
): Promise<Map<Name, Figure[]>> {
  const figures = new Map<Name, Figure[]>(contenders.map((name) => [name, []]));
  const warmUp = Math.ceil(rounds / 10);
  for (let round = 0; round < rounds + warmUp; round += 1) {
    for (const name of round % 2 === 0 ? contenders : contenders.toReversed()) {
      const figure = await measure(name);
      if (round >= warmUp) figures.get(name)?.push(figure);
    }
  }
  return figures;
}

export const median = (figures: readonly number[]): number => percentile(figures, 0.5);

/** @param share from 0 to 1 */
export function percentile(figures: readonly number[], share: number): number {
  const sorted = figures.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}

/** The median of what each round has of the one in relation to the other. */
export const ratio = (figures: readonly number[], base: readonly number[]): number =>
  median(figures.map((figure, round) => figure / (base[round] ?? NaN)));
