// What a server says when it refuses: enough of it to read why.
import type { Clock } from '../clock.ts';

/** As much of a page as anyone will read to learn why. */
const MAX_BODY_BYTES = 4_096;
/** The status is known: the verdict waits for no server that is slow to explain itself. */
const MAX_BODY_MS = 1_000;

/** The beginning of a body as text, as far as it has come within the time; empty where there is none. Never rejects. */
export async function beginningOf(
  body: ReadableStream<Uint8Array> | null,
  clock: Clock,
  signal?: AbortSignal,
): Promise<string> {
  // A `fetch` of one's own may have read it, or be reading it.
  if (body === null || body.locked) return '';
  const reader = body.getReader();
  const stop = (): void => {
    clock.clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
    // What is being waited for is then over, without an error.
    reader.cancel().catch(() => undefined);
  };
  const timer = clock.setTimeout(stop, MAX_BODY_MS);
  signal?.addEventListener('abort', stop);
  try {
    return await readBeginning(reader);
  } finally {
    stop();
  }
}

async function readBeginning(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  let wanted = MAX_BODY_BYTES;
  while (wanted > 0) {
    // A body that breaks in the middle has said what it has said.
    const chunk = await reader.read().catch(() => undefined);
    if (chunk?.value === undefined) break;
    // What a cut splits of a character is left out.
    text += decoder.decode(chunk.value.subarray(0, wanted), { stream: true });
    wanted -= chunk.value.length;
  }
  return text;
}
