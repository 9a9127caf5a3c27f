// What the command line says of itself, and of arguments that cannot be meant.
import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import { TestIo } from './test-io.ts';

const { version } = createRequire(import.meta.url)('statewire/package.json') as { version: string };

async function run(...argv: string[]) {
  const io = new TestIo();
  const code = await io.run(...argv);
  return { code, stdout: io.stdout.text, stderr: io.stderr.text };
}

test('prints the version of the package', async () => {
  expect(await run('--version')).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
});

test.each([
  ['--help'],
  ['help'],
  ['connect', '--help'],
  ['demo', '--help'],
  ['replay', '--help'],
  ['crawl', '--help'],
  ['serve', 'crawl', '--help'],
  ['serve', 'demo', '--help'],
  ['serve', 'channels', '--help'],
  ['subscribe', '--help'],
  ['publish', '--help'],
])('explains itself: %s %s', async (...argv) => {
  const { code, stdout, stderr } = await run(...argv);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^Usage: statewire/);
  expect(stdout.split('\n').filter((line) => line.length > 100)).toEqual([]);
  expect(stdout.endsWith('\n')).toBe(true);
});

test('the help tells the exit codes', async () => {
  const { stdout } = await run('--help');
  expect(stdout).toMatch(/Exit codes:\n +0 .*\n +1 .*\n.* 2 .*\n +130 .*\n +143 .*\n/);
});

test('without a command it prints the help, as wrong usage', async () => {
  const { code, stdout, stderr } = await run();
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(/^Usage: statewire/);
});

const HELP = 'See: statewire connect --help';

test.each([
  [['conect', 'ws://x'], "Unknown command 'conect'.", 'Did you mean connect?'],
  [['connect'], "Missing required argument 'url'.", HELP],
  [['connect', 'ws://x', 'y'], "Too many arguments for 'connect'. Expected 1 argument but got 2.", HELP],
  [['connect', 'ws://x', '--onec'], "Unknown option '--onec'.", 'Did you mean --once?'],
  [['connect', 'localhost:80'], "'localhost:80' is no WebSocket URL.", 'Did you mean ws://localhost:80?'],
  [['connect', 'ftp://x'], "'ftp://x' is no WebSocket URL.", 'Give one such as wss://example.com/path.'],
  [
    ['connect', 'ws://x', '--heartbeat', '0'],
    "Option '--heartbeat <seconds>' argument '0' is invalid. Expected a number of seconds above 0.",
    HELP,
  ],
  [
    ['connect', 'ws://x', '--retry', 'sometimes'],
    "Option '--retry <count>' argument 'sometimes' is invalid. Expected a number of attempts, 'forever' or 'off'.",
    HELP,
  ],
  [
    ['connect', 'ws://x', '--max-messages', '1.5'],
    "Option '--max-messages <n>' argument '1.5' is invalid. Expected an integer above 0.",
    HELP,
  ],
  [['connect', 'ws://x', '-H', 'no colon'], "--header is wrong: expected 'Name: value'.", HELP],
  [
    ['connect', 'ws://x', '-H', '@/no/such/file'],
    "Option '-H, --header <header>' argument '@/no/such/file' is invalid. It cannot be read: ENOENT: no such file or directory, open '/no/such/file'.",
    HELP,
  ],
  [
    ['connect', 'ws://x', '-s', 'two words'],
    "Option '-s, --subprotocol <name>' argument 'two words' is invalid. Expected one word without spaces or commas.",
    HELP,
  ],
  [
    ['connect', 'ws://x', '-s', 'a', '-s', 'a'],
    "Option '-s, --subprotocol <name>' argument 'a' is invalid. It was given before.",
    HELP,
  ],
  [
    ['connect', 'ws://x', '--auth-frame', '@/no/such/file'],
    "--auth-frame cannot be read: ENOENT: no such file or directory, open '/no/such/file'.",
    'Give the path of a readable file after the @.',
  ],
])('%j is wrong usage', async (argv, what, remedy) => {
  expect(await run(...argv)).toEqual({
    code: 2,
    stdout: '',
    stderr: `statewire: ${what}\n           ${remedy}\n`,
  });
});
