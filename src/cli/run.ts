// The command line as a function: arguments in, exit code out. Every error becomes one or two lines on stderr.
import { createRequire } from 'node:module';
import { Command, CommanderError } from 'commander';
import { textOf } from '../errors.ts';
import { redactText } from '../redact.ts';
import { addPublishCommand } from './channels/publish-command.ts';
import { addSubscribeCommand } from './channels/subscribe-command.ts';
import { addConnectCommand } from './connect/command.ts';
import { connect } from './connect/session.ts';
import { addCrawlCommand } from './crawl/command.ts';
import { addDemoCommand } from './demo/command.ts';
import { playDemo } from './demo/play.ts';
import { addInspectCommand } from './inspect/command.ts';
import { addReplayCommand } from './replay/command.ts';
import { addServeCommand } from './serve/command.ts';
import { addSseCommand } from './sse/command.ts';
import { complaint, EXIT, UsageError, type ExitCode, type Io, type OutputStream } from './io.ts';

const HELP = `
Examples:
  $ statewire connect wss://example.com/chat                   talk to a server
  $ echo hi | statewire connect ws://localhost:8080 --once     send a line, print the answer
  $ statewire sse https://example.com/events                   read server-sent events
  $ statewire subscribe news                                   print the messages of a channel
  $ statewire publish news 'dinner is ready'                   publish one
  $ statewire crawl https://example.com                        fetch pages, and what they say
  $ statewire serve channels                                   run a channel hub
  $ statewire serve crawl                                      run a crawl server
  $ statewire serve demo                                       run a demo server, and look at it
  $ statewire demo                                             see what a connection survives
  $ statewire inspect                                          see connections live in a browser
  $ statewire replay recording.json                            see what a connection lived through
  $ statewire connect --help

Exit codes:
    0  done: the session ended as it should, by Ctrl-C at its prompt too
    1  the connection or the demo failed for good, or something was not sent, published or fetched
    2  wrong usage
  130  Ctrl-C (SIGINT) without a prompt, before it was connected, or pressed twice
  143  SIGTERM

Environment:
  NO_COLOR, FORCE_COLOR    never, always use colours; without them a terminal gets colours`;

const HELP_COLUMNS = 100;

/** Runs one command, and resolves with its exit code when nothing of it is left. */
export async function run(argv: readonly string[], io: Io): Promise<ExitCode> {
  let code: ExitCode = EXIT.done;
  const closed = (error: Error & { readonly code?: string }) => {
    // Whoever read the output has gone; there is nobody to tell.
    if (error.code === 'EPIPE') return;
    io.stderr.write(complaint(`The output failed: ${error.message}.`));
    code = EXIT.failed;
  };
  const unheard = () => undefined;
  io.stdout.on('error', closed);
  io.stderr.on('error', unheard);
  try {
    await programFor(io, (ended) => (code = ended)).parseAsync([...argv], { from: 'user' });
  } catch (thrown) {
    code = Math.max(code, failureOf(thrown, argv, io)) as ExitCode;
  }
  await Promise.all([written(io.stdout), written(io.stderr)]);
  io.stdout.off('error', closed);
  io.stderr.off('error', unheard);
  return code;
}

/** Resolves when everything has left, or never will; errors of earlier writes have been reported by then. */
const written = (stream: OutputStream): Promise<void> =>
  new Promise((resolve) => {
    stream.write('', () => setImmediate(resolve));
  });

function programFor(io: Io, end: (code: ExitCode) => void): Command {
  const program = new Command('statewire')
    .description('A WebSocket connection whose whole life is one explicit state machine.')
    .version(version(), '--version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', HELP);
  const commands = commandsOf(program, io, end);
  for (const command of [program, ...commands, ...commands.flatMap(({ commands: own }) => own)]) {
    command
      .exitOverride()
      .helpOption('-h, --help', 'print this help')
      .configureOutput({
        writeOut: (text) => void io.stdout.write(text),
        writeErr: (text) => void io.stderr.write(text),
        outputError: () => undefined,
        getOutHelpWidth: () => Math.min(io.stdout.columns ?? HELP_COLUMNS, HELP_COLUMNS),
        getErrHelpWidth: () => Math.min(io.stderr.columns ?? HELP_COLUMNS, HELP_COLUMNS),
      });
  }
  return program;
}

function commandsOf(program: Command, io: Io, end: (code: ExitCode) => void): readonly Command[] {
  return [
    addConnectCommand(program, async (settings) => end(await connect(settings, io))),
    addCrawlCommand(program, async (settings) => {
      const { crawl } = await import('./crawl/crawl.ts');
      end(await crawl(settings, io));
    }),
    addDemoCommand(program, async (settings) => end(await playDemo(settings, io))),
    addInspectCommand(program, async (settings) => {
      const { inspect } = await import('./inspect/inspect.ts');
      end(await inspect(settings, io));
    }),
    addReplayCommand(program, async (settings) => {
      const { replayFile } = await import('./replay/replay.ts');
      end(await replayFile(settings, io));
    }),
    addPublishCommand(program, async (settings) => {
      const { publish } = await import('./channels/publish.ts');
      end(await publish(settings, io));
    }),
    addServeCommand(program, {
      channels: async (settings) => {
        const { serveChannels } = await import('./serve/channels.ts');
        end(await serveChannels(settings, io));
      },
      crawl: async (settings) => {
        const { serveCrawl } = await import('./serve/crawl.ts');
        end(await serveCrawl(settings, io));
      },
      demo: async (settings) => {
        const { serveDemo } = await import('./serve/demo.ts');
        end(await serveDemo(settings, io));
      },
    }),
    addSseCommand(program, async (settings) => {
      const { sse } = await import('./sse/session.ts');
      end(await sse(settings, io));
    }),
    addSubscribeCommand(program, async (settings) => {
      const { subscribe } = await import('./channels/subscribe.ts');
      end(await subscribe(settings, io));
    }),
  ];
}

/** The package knows itself by name, wherever its files are. */
function version(): string {
  const { version } = createRequire(import.meta.url)('statewire/package.json') as { version: string };
  return version;
}

function failureOf(thrown: unknown, argv: readonly string[], io: Io): ExitCode {
  if (thrown instanceof UsageError) {
    io.stderr.write(complaint(thrown.message, thrown.remedy));
    return EXIT.usage;
  }
  if (thrown instanceof CommanderError) {
    if (thrown.exitCode === 0) return EXIT.done;
    // Without a command commander prints the help, which says it all.
    if (thrown.code !== 'commander.help') io.stderr.write(complaint(...usageOf(thrown, argv)));
    return EXIT.usage;
  }
  io.stderr.write(complaint(textOf(thrown), 'This should not happen; please report it.'));
  return EXIT.failed;
}

const COMMANDS = [
  'connect',
  'crawl',
  'demo',
  'inspect',
  'publish',
  'replay',
  'serve channels',
  'serve crawl',
  'serve demo',
  'serve',
  'sse',
  'subscribe',
];

/** Commander's message in our words: a sentence, and its suggestion or else where to look. */
function usageOf({ message }: CommanderError, argv: readonly string[]): [what: string, remedy: string] {
  const [what = '', suggestion] = redactText(message.replace(/^error: /, '')).split('\n');
  const given = argv.join(' ');
  const command = COMMANDS.find((name) => given.startsWith(name));
  const help = `See: statewire ${command === undefined ? '' : `${command} `}--help`;
  const sentence = what.charAt(0).toUpperCase() + what.slice(1).replace(/\.?$/, '.');
  return [sentence, suggestion?.replace(/^\((.*)\)$/, '$1') ?? help];
}
