// A test of a random or generated life that fails leaves its recording, so that the failure can be looked at.
import { mkdir, writeFile } from 'node:fs/promises';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Recording } from '../../src/index.ts';

const FOLDER = new URL('../../recordings/', import.meta.url);

const recordings = new WeakMap<object, Recording>();

interface Recorded {
  recording(): Recording | undefined;
}

/** What a life throws is thrown on, and its recording kept with it. */
export async function withRecording(connection: Recorded, live: () => Promise<void>): Promise<void> {
  try {
    await live();
  } catch (thrown) {
    const recording = connection.recording();
    if (thrown instanceof Error && recording !== undefined) recordings.set(thrown, recording);
    throw thrown;
  }
}

/** Writes the recording that is kept with an error, and tells in one line how to look at it. */
export async function saveRecordingOf(thrown: unknown, name: string): Promise<readonly string[]> {
  const recording = typeof thrown === 'object' && thrown !== null ? recordings.get(thrown) : undefined;
  return recording === undefined ? [] : [await saveRecording(recording, name)];
}

export async function saveRecording(recording: Recording, name: string): Promise<string> {
  const file = new URL(`${name.replaceAll(/[^\w-]+/g, '-')}.json`, FOLDER);
  await mkdir(FOLDER, { recursive: true });
  await writeFile(file, JSON.stringify(recording, null, 2));
  return `To look at it: npx statewire replay ${relative(process.cwd(), fileURLToPath(file))}`;
}
