// Compiles the benchmark and what it measures to plain JavaScript, as users run it, and starts it: a loader that
// rewrites functions on the way would be measured too.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const outdir = here('../node_modules/.cache/statewire-bench');

await build({
  entryPoints: ['run.ts', 'server.ts', 'memory.ts'].map(here),
  outdir,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  packages: 'external',
  conditions: ['statewire-source'],
});

const { status } = spawnSync(process.execPath, [`${outdir}/run.js`, ...process.argv.slice(2)], {
  stdio: 'inherit',
});
process.exitCode = status ?? 1;
