// What ends up in a page: no Node module, no `ws`, and few bytes.
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { bundleForBrowser } from '../support/browser-bundle.ts';

describe.each([
  { entry: 'statewire', maxGzipBytes: 46 * 1024 },
  { entry: 'statewire/coordinator', maxGzipBytes: 41 * 1024 },
  { entry: 'statewire/channels', maxGzipBytes: 52 * 1024 },
  { entry: 'statewire/machines', maxGzipBytes: 19 * 1024 },
  { entry: 'statewire/crawl', maxGzipBytes: 56 * 1024 },
  { entry: 'statewire/sse', maxGzipBytes: 46 * 1024 },
  { entry: 'statewire/inspect', maxGzipBytes: 48 * 1024 },
])('$entry in a browser bundle', ({ entry, maxGzipBytes }) => {
  it('needs neither a Node module nor ws', async () => {
    const { foreign } = await bundleForBrowser(`export * from '${entry}';`);

    expect(foreign).toEqual([]);
  });

  it('stays small', async ({ annotate }) => {
    const { code } = await bundleForBrowser(`export * from '${entry}';`);

    const gzipBytes = gzipSync(code, { level: 9 }).length;
    await annotate(`${entry}: ${code.length} bytes minified, ${gzipBytes} gzipped, xstate included`);
    expect(gzipBytes).toBeLessThanOrEqual(maxGzipBytes);
  });
});

describe('a page', () => {
  const using = async (names: string) => {
    const { code } = await bundleForBrowser(
      `import { ${names} } from 'statewire'; globalThis.used = [${names}];`,
    );
    return {
      gzipBytes: gzipSync(code, { level: 9 }).length,
      hasDecoder: code.includes('Unrecognized type byte'),
      hasGuard: code.includes('The frame claims more than it has.'),
    };
  };

  it('pays for MessagePack only if it imports it', async ({ annotate }) => {
    const without = await using('Connection, text, binary, json');
    const withIt = await using('Connection, text, binary, json, messagePack');

    await annotate(`${without.gzipBytes} bytes gzipped without messagePack, ${withIt.gzipBytes} with it`);
    expect(withIt).toMatchObject({ hasDecoder: true, hasGuard: true });
    expect(without).toMatchObject({ hasDecoder: false, hasGuard: false });
    expect(without.gzipBytes).toBeLessThanOrEqual(38 * 1024);
  });
});

describe('the check for foreign modules', () => {
  it('finds what the Node side of the package imports', async () => {
    const { foreign } = await bundleForBrowser(`export * from './src/platform/node.ts';`);

    expect(foreign).toContain('ws');
  });

  it('finds Node modules however they are spelled', async () => {
    const { foreign } = await bundleForBrowser(
      `import 'statewire'; import 'node:net'; import 'fs'; await import('node:tls');`,
    );

    expect(foreign).toEqual(['fs', 'node:net', 'node:tls']);
  });
});
