// An event stream that everybody sees alike, and that goes on where a client left it, without a gap and without a
// repetition: also after a restart with the same seed.
import type { SseEvent, SseHandler } from '../server/index.ts';
import type { Random } from './random.ts';
import type { Stage } from './stage.ts';

/** What goes out between two pauses. Each event has an id of its own, which ends in the number of the beat. */
export interface Beat {
  readonly events: readonly (SseEvent & { readonly id: string })[];
  /** Until the next beat. */
  readonly pauseMs: number;
}

export interface Show {
  /** Beats of one series. The stream then ends. */
  readonly beats: number;
  /** Begins a series. The function that it returns makes one beat after the other, by their numbers. */
  readonly begin: (random: Random) => (number: number) => Beat;
}

/** `retry:` for clients that are cut off. */
const RETRY_MS = 1_000;

/**
 * Streams a show. Nothing is kept for that: what a client has seen is made again, and left out.
 *
 * A beat of several events, such as a log line and its alert, can be cut in the middle. So each of them has an id:
 * `12` and `alert-12`; whoever saw only the first gets the second first.
 *
 * A client comes back when a stream ends, by itself and with the last id, and then gets the next series: its numbers go
 * on, with a generator of its own, so that no number takes longer to get to than one series.
 */
export const perform =
  (show: Show, stage: Stage): SseHandler =>
  async (stream) => {
    stream.keepAlive();
    void stream.send({ retryMs: RETRY_MS });
    for (const { events, pauseMs } of unseen(show, stage, stream)) {
      for (const event of events) await stream.send(event);
      await stage.pause(pauseMs, stream.signal);
    }
  };

interface Viewer {
  readonly route: string;
  readonly lastEventId: string;
}

function* unseen(show: Show, stage: Stage, viewer: Viewer): Generator<Beat> {
  const series = Math.max(Math.ceil(numberOf(viewer.lastEventId) / show.beats), 1);
  let isOver = true;
  for (const beat of restOf(series, show, stage, viewer)) {
    isOver = false;
    yield beat;
  }
  if (isOver) yield* restOf(series + 1, show, stage, viewer);
}

function* restOf(series: number, show: Show, stage: Stage, viewer: Viewer): Generator<Beat> {
  const { route, lastEventId } = viewer;
  const seen = numberOf(lastEventId);
  const next = show.begin(stage.random(route, series));
  const last = series * show.beats;
  for (let number = last - show.beats + 1; number <= last; number += 1) {
    const { events, pauseMs } = next(number);
    const left = number > seen ? events : number === seen ? after(events, lastEventId) : [];
    if (left.length > 0) yield { events: left, pauseMs };
  }
}

/** The beat that an id belongs to; 0, the beginning, for none and for an id that is none of ours. */
const numberOf = (id: string): number => Number(/^(?:[A-Za-z]+-)?([1-9]\d{0,14})$/.exec(id)?.[1] ?? 0);

function after(events: Beat['events'], lastEventId: string): Beat['events'] {
  const index = events.findIndex(({ id }) => id === lastEventId);
  return index < 0 ? [] : events.slice(index + 1);
}
