// A chat and a stream of metrics go on through a link that breaks: no event is missing, and each line is said once.
import type { Chapter, Outcome } from '../chapter.ts';
import { eventually, untilState } from '../waiting.ts';
import type { StreamsWorld } from './streams-world.ts';

const CUTS = 3;
const LINES_PER_CUT = 2;
/** Events between two cuts. */
const EVENTS = 8;
/** Less than an event is long. */
const CUT_AFTER_BYTES = 150;

const isOpen = (state: string): boolean => state === 'open';
const isLost = (state: string): boolean => state !== 'open';

export const streamsCut: Chapter = {
  title: 'A chat and a metrics stream are cut',
  announcement: `The link breaks in mid-event ${CUTS} times, and is down for a moment. Meanwhile there is chatting.`,
  async run(stage) {
    const { StreamsWorld } = await import('./streams-world.ts');
    const world = await stage.use(StreamsWorld.make);
    const { guest, metrics, heard, ids } = world;
    await world.connect();
    const said: string[] = [];
    const outcomes: Required<Outcome>[] = [];
    for (let cut = 1; cut <= CUTS; cut += 1) {
      await eventually(() => ids.length >= cut * EVENTS);
      const lines = Array.from({ length: LINES_PER_CUT }, (_, line) => `line ${line + 1} of cut ${cut}`);
      outcomes.push(await survive(world, () => lines.forEach((line) => guest.send(line))));
      said.push(...lines);
    }
    // What comes twice comes before it.
    said.push('the last line');
    guest.send('the last line');
    await eventually(() => ids.length >= (CUTS + 1) * EVENTS && heard.includes('the last line'));
    await world.disconnect();

    stage.check(
      `both were restored ${CUTS} times`,
      [guest, metrics].every(({ stats }) => stats.reconnects === CUTS),
    );
    const isComplete = ids.every((id, index) => id === String(index + 1));
    stage.check(`${ids.length} events, by Last-Event-ID: none is missing, none came twice`, isComplete);
    stage.check('half an event is no event: nothing was misread', metrics.stats.invalidMessages === 0);
    const isSaid = JSON.stringify(heard) === JSON.stringify(said);
    stage.check(`${said.length} lines reached the other guest, once each, in order`, isSaid);
    return slowest(outcomes);
  },
};

/** Cuts an event in two, takes the link away, does what is to be done meanwhile, and waits until all is well again. */
async function survive(
  { proxy, guest, metrics }: StreamsWorld,
  meanwhile: () => void,
): Promise<Required<Outcome>> {
  const attemptsBefore = metrics.stats.attempts;
  const faultAt = performance.now();
  const lost = untilState(metrics, isLost);
  proxy.cutAfter(CUT_AFTER_BYTES, { direction: 'toClient', how: 'rst', times: 1 });
  await lost;
  const noticedAfterMs = performance.now() - faultAt;
  await Promise.all([proxy.goAway(), untilState(guest, isLost)]);
  meanwhile();
  await proxy.comeBack();
  await Promise.all([untilState(metrics, isOpen), untilState(guest, isOpen)]);
  const recoveredAfterMs = performance.now() - faultAt;
  return { noticedAfterMs, recoveredAfterMs, attempts: metrics.stats.attempts - attemptsBefore };
}

/** Of all cuts the slowest, and the attempts of all. */
const slowest = (outcomes: readonly Required<Outcome>[]): Required<Outcome> => ({
  noticedAfterMs: Math.max(...outcomes.map(({ noticedAfterMs }) => noticedAfterMs)),
  recoveredAfterMs: Math.max(...outcomes.map(({ recoveredAfterMs }) => recoveredAfterMs)),
  attempts: outcomes.reduce((sum, { attempts }) => sum + attempts, 0),
});
