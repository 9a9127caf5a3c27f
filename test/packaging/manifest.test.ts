// What an installation fetches: only what is used, and from whatever registry the user has.
import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { describe, expect, it } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };

const root = new URL('../../', import.meta.url);

/** The packages that the sources import other than for types alone, sorted. */
function importedPackages(): string[] {
  const files = ['src', 'machines', 'visualizations/live'].flatMap((folder) =>
    readdirSync(new URL(folder, root), { recursive: true, encoding: 'utf8' })
      // What bundles the page runs when the package is built.
      .filter((path) => path.endsWith('.ts') && path !== 'page/bundle.ts')
      .map((path) => readFileSync(new URL(`${folder}/${path}`, root), 'utf8')),
  );
  const specifiers = files.flatMap((text) =>
    [...text.matchAll(/^(?:import|export)\s(?!type\s)(?:[^;']*\sfrom\s)?'([^'.#][^']*)'/gm)].map(
      ([, specifier = '']) => specifier,
    ),
  );
  const packages = specifiers
    .filter((specifier) => !specifier.startsWith('node:') && !builtinModules.includes(specifier))
    .map((specifier) => specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/'));
  return [...new Set(packages)].sort();
}

describe('the dependencies', () => {
  it('are the packages that the published code imports', () => {
    expect(importedPackages()).toEqual(Object.keys(manifest.dependencies).sort());
  });

  it('leave it to the user whether charts of others are drawn, and whether hubs share a NATS server', () => {
    expect(manifest.peerDependencies).toEqual({
      '@nats-io/jetstream': '^3.3.1',
      '@nats-io/transport-node': '^3.3.1',
      elkjs: '>=0.11',
    });
    expect(Object.keys(manifest.peerDependenciesMeta)).toEqual(Object.keys(manifest.peerDependencies));
    expect(Object.values(manifest.peerDependenciesMeta)).toEqual(Array(3).fill({ optional: true }));
  });
});

describe('the lock file', () => {
  it('names no registry, so that everybody installs from their own', () => {
    expect(readFileSync(new URL('package-lock.json', root), 'utf8')).not.toMatch(
      /"resolved": "(?!visualizations\/)|https?:\/\/registry/,
    );
  });
});
