// Programs that a test needs and that may be missing: without one its tests are skipped, and in CI they fail.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

export interface Tool {
  readonly name: string;
  /** Where it may be; the variable goes before. */
  readonly variable: string;
  readonly candidates: readonly string[];
  /** How to get it. */
  readonly remedy: string;
  /** Arguments with which it succeeds if it can do what is needed. Default: it is enough that it is there. */
  readonly proof?: readonly string[];
}

/**
 * Where a tool is. Where it is missing, one line on standard error says which tests are skipped and how to get it.
 *
 * @param subject whose tests are skipped, such as `The tests with nginx`
 * @throws {Error} in CI, where nothing is skipped
 */
export function findTool(subject: string, tool: Tool): string | undefined {
  const { name, variable, candidates, remedy, proof } = tool;
  const path = process.env[variable] ?? candidates.find((candidate) => existsSync(candidate));
  const isThere = path !== undefined && existsSync(path);
  const isRight = isThere && (proof === undefined || spawnSync(path, proof).status === 0);
  if (isRight) return path;
  const explanation = `No ${name} found: ${remedy}, or set ${variable}.`;
  if (process.env['CI']) throw new Error(explanation);
  process.stderr.write(`${subject} are skipped. ${explanation}\n`);
  return undefined;
}
