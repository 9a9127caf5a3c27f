// `npm run smoke`: packs the package as it would be published, installs it into an empty folder, and uses it there.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { PAGE_PARTS } from '../visualizations/live/page-files.ts';

interface Manifest {
  readonly version: string;
  readonly exports: Readonly<Record<string, unknown>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

const root = join(import.meta.dirname, '..');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest;
const entries = Object.keys(manifest.exports).filter((path) => path !== './package.json');

const work = mkdtempSync(join(tmpdir(), 'statewire-smoke-'));
const app = join(work, 'app');
const installed = join(app, 'node_modules/statewire');

const RESOLUTIONS = [
  { module: 'ESNext', moduleResolution: 'Bundler' },
  { module: 'NodeNext', moduleResolution: 'NodeNext' },
] as const;

/** What the pages show, beside their code. */
const PICTURES = [
  ...['connection.svg', 'session.svg', 'subscription.svg', 'relay.svg'].map(
    (name) => `dist/visualizations/${name}`,
  ),
  ...['visualizations/live', 'src/demo-server'].flatMap((folder) =>
    PAGE_PARTS.map(({ file }) => `dist/${folder}/page/${file}`),
  ),
];

const steps: Readonly<Record<string, () => void | Promise<void>>> = {
  'packs and installs into an empty folder': install,
  'contains what it should and nothing else': checkContents,
  'can be imported and required, every entry point': importEntries,
  'has a command line': checkCommandLine,
  'serves the demo with its page': checkDemo,
  'bundles for browsers without Node modules': bundle,
  'type-checks in a page, without any @types': checkPageTypes,
  'type-checks in Node, without @types/ws': checkNodeTypes,
  'type-checks and runs in Node': checkNode,
};

try {
  for (const [name, step] of Object.entries(steps)) {
    await step();
    console.log(`ok: ${name}`);
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}

function install(): void {
  run(root, 'npm', 'pack', '--pack-destination', work);
  mkdirSync(app);
  cpSync(join(root, 'test/packaging/consumer'), app, { recursive: true });
  writeFileSync(join(app, 'package.json'), '{ "name": "app", "private": true, "type": "module" }');
  run(app, 'npm', 'install', '--no-audit', '--no-fund', join(work, `statewire-${manifest.version}.tgz`));
  run(app, 'npm', 'ls', '--all');
}

function checkContents(): void {
  const top = ['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json'];
  const files = readdirSync(installed, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(installed.length + 1));
  const strange = files.filter(
    (path) => ![...top, ...PICTURES].includes(path) && !/^dist\/.*(?<!\.test)\.(js|d\.ts)$/.test(path),
  );
  const missing = [...top, ...PICTURES].filter((path) => !files.includes(path));
  if (strange.length > 0 || missing.length > 0)
    throw new Error(
      `Strange in the package: ${strange.join() || 'nothing'}; missing: ${missing.join() || 'nothing'}`,
    );
}

function importEntries(): void {
  const specifiers = entries.map((path) => path.replace('.', 'statewire'));
  const load = `for (const name of ${JSON.stringify(specifiers)}) if (Object.keys(LOAD(name)).length === 0) throw new Error(name);`;
  run(app, 'node', '--input-type=module', '--eval', load.replace('LOAD', 'await import'));
  run(app, 'node', '--input-type=commonjs', '--eval', load.replace('LOAD', 'require'));
}

function checkCommandLine(): void {
  const said = run(app, 'npx', '--no-install', 'statewire', '--version').trim();
  if (said !== manifest.version) throw new Error(`statewire --version says ${said}, not ${manifest.version}`);
}

async function checkDemo(): Promise<void> {
  const command = join(app, 'node_modules/.bin/statewire');
  const server = spawn(command, ['serve', 'demo', '--port', '0', '--quiet'], {
    cwd: app,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(server, 'close');
  try {
    let said = '';
    for await (const chunk of server.stdout) {
      said += String(chunk);
      if (/http:\/\/\S+/.test(said)) break;
    }
    const url = /http:\/\/\S+/.exec(said)?.[0];
    if (url === undefined) throw new Error(`statewire serve demo told no address: ${said}`);
    for (const { path, contentType } of PAGE_PARTS) {
      const response = await fetch(url + path);
      const body = await response.text();
      const isRight =
        response.ok && response.headers.get('content-type') === contentType && body.length > 1_000;
      if (!isRight)
        throw new Error(`${path} is answered with ${response.status} and ${body.length} characters`);
    }
  } finally {
    server.kill();
    await ended;
  }
}

/** A module that no browser has would be an error. */
async function bundle(): Promise<void> {
  const { metafile } = await build({
    absWorkingDir: app,
    entryPoints: ['app.ts'],
    platform: 'browser',
    bundle: true,
    metafile: true,
    write: false,
  });
  const strange = Object.keys(metafile.inputs).filter((path) =>
    /node_modules\/ws\/|platform\/node/.test(path),
  );
  if (strange.length > 0) throw new Error(`In a browser bundle: ${strange.join()}`);
}

function checkPageTypes(): void {
  for (const resolution of RESOLUTIONS)
    compile({ ...resolution, lib: ['ES2022', 'DOM'], types: [] }, ['app.ts']);
}

function checkNodeTypes(): void {
  addTypes('@types/node');
  for (const resolution of RESOLUTIONS)
    compile({ ...resolution, lib: ['ES2022'], types: ['node'] }, ['app.ts']);
}

function checkNode(): void {
  addTypes('@types/ws');
  for (const resolution of RESOLUTIONS)
    compile({ ...resolution, lib: ['ES2022'], types: ['node'] }, ['run.ts']);
  run(app, 'node', 'out/run.js');
}

function addTypes(name: string): void {
  const version = manifest.devDependencies[name] ?? 'latest';
  run(app, 'npm', 'install', '--no-audit', '--no-fund', '--save-dev', `${name}@${version}`);
}

/** With the strictest settings that a user may have; the package's declarations are checked as well. */
function compile(compilerOptions: Readonly<Record<string, unknown>>, files: readonly string[]): void {
  const strictest = {
    target: 'ES2022',
    outDir: 'out',
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
  };
  const tsconfig = { compilerOptions: { ...strictest, ...compilerOptions }, files };
  writeFileSync(join(app, 'tsconfig.json'), JSON.stringify(tsconfig));
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const { stdout } = spawnSync(process.execPath, [tsc, '--pretty', 'false'], { cwd: app, encoding: 'utf8' });
  // The declarations of xstate 5.33 are at odds with exactOptionalPropertyTypes, which is not for us to mend.
  const errors = stdout.split('\n').filter((line) => /^(?!node_modules\/xstate\/)\S/.test(line));
  if (errors.length > 0) throw new Error(`${JSON.stringify(compilerOptions)}:\n${errors.join('\n')}`);
}

/** What a command says on standard output; what it says at all is shown when it fails. */
function run(cwd: string, command: string, ...args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (status === 0) return stdout;
  console.error(`${stdout}${stderr}`);
  throw error ?? new Error(`Failed: ${command} ${args.join(' ')}`);
}
