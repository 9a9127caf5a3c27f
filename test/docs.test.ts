// What the documentation says is there is there.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { HUB_ERRORS } from '../src/channels/wire.ts';
import { CONNECTION_STATES } from '../src/index.ts';
import { HUB_DEFAULTS, REALTIME_DEFAULTS } from '../src/server/index.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const pages = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'machines/README.md',
  'visualizations/README.md',
  'bench/README.md',
  'docs/crawl.md',
  'docs/realtime.md',
  'docs/channels.md',
];

describe.each(pages)('%s', (page) => {
  it('links to nothing that does not exist', () => {
    const links = [...read(page).matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, link]) => link ?? '');

    expect(links.filter((link) => !existsSync(join(root, dirname(page), link)))).toEqual([]);
  });
});

describe('docs/realtime.md', () => {
  it('has only code that fits the types of the package', { timeout: 120_000 }, () => {
    expect(typeErrorsOf('docs/realtime.md', GIVEN)).toEqual([]);
  });

  it('tells every limit with the default that it has', () => {
    expect(limitsIn('docs/realtime.md')).toEqual(REALTIME_DEFAULTS.limits);
  });
});

describe('docs/channels.md', () => {
  it('has only code that fits the types of the package', { timeout: 120_000 }, () => {
    expect(typeErrorsOf('docs/channels.md', GIVEN_OF_CHANNELS)).toEqual([]);
  });

  it('tells every limit with the default that it has', () => {
    expect(limitsIn('docs/channels.md')).toEqual(HUB_DEFAULTS.limits);
  });

  it('names every code with which a hub refuses', () => {
    const [, table = ''] = /\n(\| `code` [\s\S]*?)\n\n/.exec(read('docs/channels.md')) ?? [];
    const told = [...table.matchAll(/^\| `([A-Z_]+)`/gm)].map(([, code]) => code);

    expect(told.sort()).toEqual([...HUB_ERRORS].sort());
  });
});

describe('the README', () => {
  it('has a quick start of at most twelve lines', () => {
    const [, quickStart = ''] = /```ts\n([\s\S]*?)```/.exec(read('README.md')) ?? [];

    expect(quickStart.trim().split('\n').length).toBeLessThanOrEqual(12);
    expect(quickStart).toContain("from 'statewire'");
  });

  it('names the eight states', () => {
    for (const state of CONNECTION_STATES) expect(read('README.md')).toContain(`\`${state}\``);
  });

  it('has a test for each promise', () => {
    const [, promises = ''] = /## What is promised\n([\s\S]*?)\n## /.exec(read('README.md')) ?? [];
    const rows = promises
      .split('\n')
      .filter((line) => line.startsWith('| ') && !/^\| (Promise|-)/.test(line));

    expect(rows.length).toBeGreaterThan(5);
    expect(rows.filter((row) => !row.includes('](test/'))).toEqual([]);
  });
});

/** What the guide's code uses without saying where it comes from. A block may have its own of the same name. */
const GIVEN = `
import type { RealtimeServer, SseHistory } from 'statewire/server';
declare global {
  const server: RealtimeServer;
  const createRealtimeServer: typeof import('statewire/server').createRealtimeServer;
  const createSseHistory: typeof import('statewire/server').createSseHistory;
  const orders: SseHistory;
  const prices: SseHistory;
  const id: string;
  const userOf: (header: string | undefined) => Promise<{ isBlocked: boolean } | undefined>;
}
`;

/** The same for channels. */
const GIVEN_OF_CHANNELS = `
import type { AssistantStep, ChannelClient as Client, ToolOutput } from 'statewire/channels';
import type { ChannelHub } from 'statewire/server';
declare global {
  const ChannelClient: typeof Client;
  const channels: Client;
  const createChannelHub: typeof import('statewire/server').createChannelHub;
  const hub: ChannelHub;
  const signal: AbortSignal;
  const messageId: string;
  const user: string;
  const pass: string;
  const question: string;
  const token: () => string;
  const userOf: (header: string | undefined) => Promise<string | undefined>;
  const mayWrite: (identity: unknown, channel: string) => boolean;
  const weatherIn: (city: string) => Promise<string>;
  const assistant: {
    events(question: string): AsyncIterable<AssistantStep>;
    submit(runId: string | undefined, outputs: readonly ToolOutput[]): AsyncIterable<AssistantStep>;
  };
}
`;

/** The limits in the tables of a page, with their defaults. */
function limitsIn(page: string): Record<string, number> {
  const rows = [...read(page).matchAll(/^\| `limits\.(\w+)` .* `([\w]+)` *\|$/gm)];
  const told = rows.map(([, name = '', value = '']) => [name, Number(value.replaceAll('_', ''))]);
  return Object.fromEntries(told) as Record<string, number>;
}

/** What TypeScript says of the code blocks of a page, each of which is a module of its own beside the page. */
function typeErrorsOf(page: string, given: string): string[] {
  const blocks = [...read(page).matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, code = '']) => code);
  expect(blocks.length).toBeGreaterThan(5);
  const texts = new Map(
    [given, ...blocks].map((code, index) => [pathOf(page, index), `${code}\nexport {};`]),
  );
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), (path) => readFileSync(path, 'utf8')) as {
    readonly config: unknown;
  };
  const { options } = ts.parseJsonConfigFileContent(config, { ...ts.sys, readDirectory: () => [] }, root);
  const lenient = { ...options, noUnusedLocals: false, noUnusedParameters: false };
  const disk = ts.createCompilerHost(lenient);
  const host = {
    ...disk,
    fileExists: (path: string) => texts.has(path) || disk.fileExists(path),
    getSourceFile: (path: string, ...rest: [ts.ScriptTarget | ts.CreateSourceFileOptions]) => {
      const text = texts.get(path);
      return text === undefined
        ? disk.getSourceFile(path, ...rest)
        : ts.createSourceFile(path, text, ...rest);
    },
  };
  const program = ts.createProgram([...texts.keys()], lenient, host);
  return [...texts.keys()].flatMap((path) =>
    ts
      .getPreEmitDiagnostics(program, program.getSourceFile(path))
      .map(({ messageText }) => `${path}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`),
  );
}

const pathOf = (page: string, index: number): string => join(root, `${page}.${index}.ts`);
