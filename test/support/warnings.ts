// What the code under test could tell nobody else.
import { onTestFinished } from 'vitest';

/** What is neither heard nor logged: Node's warnings, from now on. */
export function warnings(): readonly Error[] {
  const warned: Error[] = [];
  const listener = (warning: Error) => warned.push(warning);
  process.on('warning', listener);
  onTestFinished(() => void process.off('warning', listener));
  return warned;
}
