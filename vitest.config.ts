import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: { conditions: ['statewire-source', 'node', 'import', 'default'] },
  ssr: { resolve: { conditions: ['statewire-source', 'node', 'import', 'default'] } },
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 10_000,
    // Sockets and timers of one file must not meet those of another; two workers suit two cores.
    pool: 'forks',
    maxWorkers: 2,
  },
});
