// What ends up in a page: no Node module, no `ws`, and few bytes.
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { bundleForBrowser } from '../support/browser-bundle.ts';

describe.each([
  { entry: 'statewire', maxGzipBytes: 38 * 1024 },
  { entry: 'statewire/coordinator', maxGzipBytes: 41 * 1024 },
  { entry: 'statewire/machines', maxGzipBytes: 18 * 1024 },
  { entry: 'statewire/crawl', maxGzipBytes: 56 * 1024 },
  { entry: 'statewire/sse', maxGzipBytes: 46 * 1024 },
  { entry: 'statewire/inspect', maxGzipBytes: 46 * 1024 },
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
