// Compiles the benchmark and what it measures to plain JavaScript, as users run it, and starts it: a loader that
// rewrites functions on the way would be measured too.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const outdir = here('../node_modules/.cache/statewire-bench');

await build({
  entryPoints: [
    ...['run.ts', 'server.ts', 'memory.ts', 'inspect.ts', 'crawl.ts', 'crawl-server.ts'],
    ...['realtime.ts', 'realtime-server.ts', 'event-client-memory.ts'],
  ].map(here),
  outdir,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  packages: 'external',
  conditions: ['statewire-source'],
});

// The live view asks for the package by its name; inside node_modules no package around it is looked for.
const manifest = {
  name: 'statewire',
  version: '0.0.0',
  type: 'module',
  exports: { './package.json': './package.json' },
};
writeFileSync(`${outdir}/package.json`, JSON.stringify(manifest));

const { status } = spawnSync(process.execPath, [`${outdir}/run.js`, ...process.argv.slice(2)], {
  stdio: 'inherit',
});
process.exitCode = status ?? 1;
