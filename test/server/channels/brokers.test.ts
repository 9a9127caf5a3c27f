// The behaviour of all brokers, of each of them.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe } from 'vitest';
import { memoryBroker } from '../../../src/server/channels/memory-broker.ts';
import { natsBroker } from '../../../src/server/channels/nats/broker.ts';
import { brokerContract } from './broker-contract.ts';
import { findNatsServer, NatsServer } from './nats-server.ts';

describe('a broker in memory', () => {
  brokerContract((maxMessages) => memoryBroker({ maxMessages }));
});

const path = findNatsServer();

describe.skipIf(path === undefined)('a broker over NATS', () => {
  let server: NatsServer;

  beforeAll(async () => {
    server = await NatsServer.start(path ?? '');
  });

  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });

  brokerContract((maxMessages) =>
    natsBroker({ servers: server.address, prefix: `test-${randomUUID()}`, maxMessages }),
  );
});
