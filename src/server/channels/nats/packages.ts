// The packages of NATS, loaded when the first broker is made: who needs none need not install them.
import type * as jetStreamPackage from '@nats-io/jetstream';
import type * as transportPackage from '@nats-io/transport-node';
import { NatsBrokerError } from './errors.ts';

export interface Packages {
  readonly transport: typeof transportPackage;
  readonly jetStream: typeof jetStreamPackage;
}

/** @throws {NatsBrokerError} that says what to install */
export async function loadPackages(): Promise<Packages> {
  try {
    const [transport, jetStream] = await Promise.all([
      import('@nats-io/transport-node'),
      import('@nats-io/jetstream'),
    ]);
    return { transport, jetStream };
  } catch (cause) {
    const message =
      'The packages of NATS could not be loaded: run `npm install @nats-io/transport-node @nats-io/jetstream`.';
    throw new NatsBrokerError(message, { retryable: false, cause });
  }
}
