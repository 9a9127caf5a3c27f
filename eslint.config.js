// Types, sizes, and the architecture: what machines/ and the browser's files may reach for.
import tseslint from 'typescript-eslint';

const sizes = {
  'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
  'max-lines-per-function': ['error', { max: 45, skipBlankLines: true, skipComments: true }],
  'max-params': ['error', 4],
  'max-depth': ['error', 3],
  complexity: ['error', 12],
};

export default tseslint.config(
  { ignores: ['dist/', 'coverage/', 'node_modules/'] },
  ...tseslint.configs.strictTypeChecked.map((config) => ({ ...config, files: ['**/*.ts'] })),
  {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/only-throw-error': 'error',
      // A signal's reason may be anything, and is passed on as it is.
      '@typescript-eslint/prefer-promise-reject-errors': [
        'error',
        { allowThrowingUnknown: true, allowThrowingAny: true },
      ],
      '@typescript-eslint/no-invalid-void-type': [
        'error',
        { allowAsThisParameter: true, allowInGenericTypeArguments: true },
      ],
      'no-restricted-syntax': [
        'error',
        { selector: 'TSEnumDeclaration', message: 'Use `as const` and a union.' },
      ],
    },
  },
  { files: ['machines/**', 'src/**', 'visualizations/**'], rules: sizes },
  { files: ['src/**'], ignores: ['src/cli/**'], rules: { 'no-console': 'error' } },
  {
    files: ['machines/**'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          paths: [
            {
              name: 'xstate',
              importNames: [
                'assign',
                'cancel',
                'emit',
                'enqueueActions',
                'log',
                'raise',
                'sendTo',
                'spawnChild',
                'stopChild',
              ],
              message:
                'Use connectionSetup.*: typed, and a built-in action that is called directly does nothing.',
            },
          ],
          patterns: [
            {
              regex: '^(?!xstate$|\\./)',
              message:
                'machines/ imports only xstate and its own files. Declare an actor in connection.setup.ts and provide it in src/wiring.ts.',
            },
          ],
        },
      ],
      'no-restricted-globals': [
        'error',
        ...['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'clearTimeout', 'clearInterval'],
        ...[
          'fetch',
          'WebSocket',
          'EventSource',
          'Date',
          'performance',
          'process',
          'console',
          'crypto',
          'window',
          'navigator',
          'globalThis',
        ],
      ],
      'no-restricted-properties': [
        'error',
        {
          object: 'Math',
          property: 'random',
          message: 'Randomness belongs to the retry policy, outside the machine.',
        },
      ],
    },
  },
  {
    // What ends up in a browser: everything but Node's own platform file, servers, the command line and the test kit.
    files: ['machines/**', 'src/**'],
    ignores: [
      'machines/**',
      'src/platform/node.ts',
      'src/transports/websocket-node.ts',
      'src/server/**',
      'src/cli/**',
      'src/demo-server/**',
      'src/testing/**',
    ],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [{ regex: '^(node:|ws$)', message: 'This file runs in browsers: go through #platform.' }],
        },
      ],
    },
  },
  {
    files: ['test/**', 'bench/**', 'examples/**'],
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/require-await': 'off',
    },
  },
);
