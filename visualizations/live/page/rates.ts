// Throughput: what successive samples of a connection's counters say per second.
import type { Sample } from '../protocol.ts';

export interface Rate {
  readonly at: number;
  readonly messagesInPerSecond: number;
  readonly messagesOutPerSecond: number;
  readonly bytesInPerSecond: number;
  readonly bytesOutPerSecond: number;
}

type Counter = 'messagesIn' | 'messagesOut' | 'bytesIn' | 'bytesOut';

/** One rate for each pair of samples, at the time of the later one. A counter that fell back counts as 0. */
export function ratesOf(samples: readonly Sample[]): Rate[] {
  return samples.slice(1).flatMap((sample, index) => {
    const previous = samples[index];
    const seconds = previous === undefined ? 0 : (sample.at - previous.at) / 1000;
    if (previous === undefined || seconds <= 0) return [];
    const per = (counter: Counter): number => Math.max(0, sample[counter] - previous[counter]) / seconds;
    return [
      {
        at: sample.at,
        messagesInPerSecond: per('messagesIn'),
        messagesOutPerSecond: per('messagesOut'),
        bytesInPerSecond: per('bytesIn'),
        bytesOutPerSecond: per('bytesOut'),
      },
    ];
  });
}

/** The last sample that was taken by a moment. */
export function sampleAt(samples: readonly Sample[], at: number): Sample | undefined {
  return samples.findLast((sample) => sample.at <= at) ?? samples[0];
}
