// What a bundler makes of the package for a browser, from the source.
import { builtinModules } from 'node:module';
import { fileURLToPath } from 'node:url';
import { build, type Metafile } from 'esbuild';

export interface BrowserBundle {
  /** The whole bundle, minified: one ES module. */
  readonly code: string;
  /** Modules in it, or asked for by it, that no browser has: Node's own and `ws`; sorted. */
  readonly foreign: readonly string[];
}

/** Bundles a module, given as TypeScript in the repository's root, with the conditions that a browser's bundler sets. */
export async function bundleForBrowser(contents: string): Promise<BrowserBundle> {
  const { metafile, outputFiles } = await build({
    stdin: { contents, loader: 'ts', resolveDir: fileURLToPath(new URL('../..', import.meta.url)) },
    platform: 'browser',
    // Bundlers set `module` by themselves, but esbuild does not once conditions are given.
    conditions: ['statewire-source', 'browser', 'module'],
    // Left outside, they are listed; otherwise Node's would be an error and `ws` its stub for browsers.
    external: ['node:*', ...builtinModules, 'ws'],
    format: 'esm',
    bundle: true,
    minify: true,
    metafile: true,
    write: false,
    logLevel: 'silent',
  });
  return { code: outputFiles[0]!.text, foreign: foreignModules(metafile) };
}

function foreignModules({ inputs, outputs }: Metafile): string[] {
  const outside = Object.values(outputs).flatMap(({ imports }) => imports.map(({ path }) => path));
  const inside = Object.keys(inputs).filter((path) => /(^|\/)node_modules\/ws\//.test(path));
  return [...new Set([...outside, ...inside])].sort();
}
