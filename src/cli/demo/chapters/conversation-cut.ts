// An assistant's answer is streamed over a hub while both ends of the conversation lose their link: the text arrives
// whole, and each frame of it once.
import type { Chapter, Outcome } from '../chapter.ts';
import { eventually, untilState } from '../waiting.ts';
import type { ConversationWorld } from './conversation-world.ts';

/** Less than a frame is long, and less than an acknowledgement. */
const CUT_AFTER_BYTES = 60;
/** Characters of the answer that are there before the cut. */
const BEFORE_CUT = 60;
const ORDER = /^started (processing )+responding (in_progress )+completed$/;

const isOpen = (state: string): boolean => state === 'open';
const isLost = (state: string): boolean => state !== 'open';

export const conversationCut: Chapter = {
  title: "An assistant's answer is cut in the middle",
  announcement: 'While it is streamed over a hub, the assistant and its reader both lose their link.',
  async run(stage) {
    const { ConversationWorld } = await import('./conversation-world.ts');
    const world = await stage.use(ConversationWorld.make);
    const { conversation, reader } = await world.begin();
    await eventually(() => reader.snapshot.text.length >= BEFORE_CUT);
    const outcome = await survive(world);
    const [said, { text, gaps, error }] = await Promise.all([conversation.finished, reader.finished]);
    const { heard, publications, hub, answer } = world;
    await world.disconnect();

    const statuses = heard.map(({ payload }) => payload.status).join(' ');
    stage.check(
      `the reader has all ${answer.length} characters of the answer, and no gap was told`,
      text === answer && gaps === 0 && error === undefined,
    );
    stage.check('started, the tool, responding, the text, completed: in this order', ORDER.test(statuses));
    const numbers = heard.map(({ seq = 0 }) => seq);
    const isOnce = numbers.every((seq, at) => seq === at + 1) && numbers.length === hub.metrics.published;
    stage.check(`${numbers.length} frames: none is missing, none came twice`, isOnce);
    const acknowledged = publications.map((one) => (one.outcome === 'acknowledged' ? one.seq : 0));
    stage.check(
      'each of them was acknowledged, once, those in the cut too',
      said.lostFrames === 0 && acknowledged.join() === numbers.join(),
    );
    return outcome;
  },
};

/** Cuts a frame and an acknowledgement in two, takes the link away for a moment, and waits until both are back. */
async function survive({ proxy, user, assistant }: ConversationWorld): Promise<Outcome> {
  const ends = [user.connection, assistant.connection];
  const attemptsBefore = user.connection.stats.attempts;
  const faultAt = performance.now();
  proxy.cutAfter(CUT_AFTER_BYTES, { direction: 'toClient', how: 'rst', times: 2 });
  await Promise.all(ends.map((end) => untilState(end, isLost)));
  const noticedAfterMs = performance.now() - faultAt;
  await proxy.goAway();
  await proxy.comeBack();
  await Promise.all(ends.map((end) => untilState(end, isOpen)));
  const recoveredAfterMs = performance.now() - faultAt;
  return { noticedAfterMs, recoveredAfterMs, attempts: user.connection.stats.attempts - attemptsBefore };
}
