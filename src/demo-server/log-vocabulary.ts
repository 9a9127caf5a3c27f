// What the invented application of /sse/logs says, and which part of it does.

export const LEVEL_WEIGHTS = { DEBUG: 20, INFO: 50, WARNING: 20, ERROR: 8, CRITICAL: 2 } as const;

export type Level = keyof typeof LEVEL_WEIGHTS;

export const COMPONENTS = [
  'api.auth',
  'api.orders',
  'api.search',
  'billing.invoices',
  'db.pool',
  'db.replica',
  'cache.sessions',
  'jobs.scheduler',
  'mail.sender',
  'storage.uploads',
  'websocket.handler',
] as const;

export const MESSAGES: Readonly<Record<Level, readonly string[]>> = {
  DEBUG: [
    'Headers parsed',
    'Session found in the cache',
    'Session not in the cache, asking the database',
    'Transaction committed',
    'Idle connection returned to the pool',
  ],
  INFO: [
    'Signed in',
    'Order accepted',
    'Upload stored',
    'Nightly job started',
    'Client subscribed to the stream',
  ],
  WARNING: [
    'Query took longer than a second',
    'Four fifths of the memory are in use',
    'Client uses an endpoint that will be removed',
    'Quota of requests is almost used up',
    'Replica is ten seconds behind',
  ],
  ERROR: [
    'Database refused the connection',
    'Upstream did not answer in time',
    'Request body failed validation',
    'Attachment is missing from storage',
    'Password was wrong three times',
  ],
  CRITICAL: [
    'Out of memory, worker restarted',
    'No database can be reached',
    'Disk is full',
    'All workers are down',
  ],
};
