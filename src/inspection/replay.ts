// Plays a recording again through the pure machine: no socket, no timer, no randomness, and the same states as then.
import {
  transition,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  type EventObject,
  type StateValue,
} from 'xstate';
import {
  connectionMachine,
  relayMachine,
  sessionMachine,
  subscriptionMachine,
} from '../../machines/index.ts';
import { textOf } from '../errors.ts';
import { fingerprintOf, refuse, type Recording } from './recording.ts';

/** One event, and what it did. */
export interface ReplayStep {
  /** In milliseconds on the clock of the connection that was recorded. */
  readonly atMs: number;
  readonly event: EventObject;
  readonly before: AnyMachineSnapshot;
  readonly after: AnyMachineSnapshot;
  /** The state that the recording tells of, where the machine of today comes to another one. */
  readonly recorded?: StateValue;
}

export interface Replay {
  readonly machine: AnyStateMachine;
  /** Whether the recording was made by exactly this chart. */
  readonly isSameMachine: boolean;
  readonly start: AnyMachineSnapshot;
  readonly steps: readonly ReplayStep[];
  /** The steps that led somewhere else than when they were recorded. None, when the machine is the same. */
  readonly differences: readonly ReplayStep[];
}

/** The machines of this package, by the id that a recording names. */
const MACHINES: Readonly<Record<string, AnyStateMachine>> = {
  [connectionMachine.id]: connectionMachine,
  [sessionMachine.id]: sessionMachine,
  [subscriptionMachine.id]: subscriptionMachine,
  [relayMachine.id]: relayMachine,
};

/**
 * Folds the machine over a recording.
 *
 * @param machine the one that was recorded; default: the machine of this package that the recording names
 * @throws {ConnectionError} `INVALID_RECORDING`, for a machine that is not known here, a state that it does not have, and
 *   a context or an event that it cannot do anything with
 */
export function replay(recording: Recording, machine = machineOf(recording)): Replay {
  const start = resolve(recording, machine);
  const steps: ReplayStep[] = [];
  let before = start;
  for (const { atMs, event, value } of recording.events) {
    const after = step(machine, before, event, recording);
    const isAsRecorded = inOrder(after.value as StateValue) === inOrder(value);
    steps.push({ atMs, event, before, after, ...(!isAsRecorded && { recorded: value }) });
    before = after;
  }
  return {
    machine,
    isSameMachine: recording.machine.fingerprint === fingerprintOf(machine.config),
    start,
    steps,
    differences: steps.filter(({ recorded }) => recorded !== undefined),
  };
}

function step(
  machine: AnyStateMachine,
  before: AnyMachineSnapshot,
  event: EventObject,
  { machine: { fingerprint } }: Recording,
): AnyMachineSnapshot {
  try {
    return transition(machine, before, event)[0];
  } catch (thrown) {
    // Another version of the machine may have remembered, or told, other things.
    const expected = `what the machine ${machine.id} (${fingerprintOf(machine.config)}) can play`;
    return refuse(expected, `${event.type}, recorded by ${fingerprint}: ${textOf(thrown)}`);
  }
}

function machineOf({ machine: { id } }: Recording): AnyStateMachine {
  const machine = MACHINES[id];
  if (machine !== undefined) return machine;
  return refuse(`a machine that is known here (${Object.keys(MACHINES).join(', ')})`, id);
}

function resolve({ start }: Recording, machine: AnyStateMachine): AnyMachineSnapshot {
  try {
    return machine.resolveState(start);
  } catch {
    return refuse(`a start in a state of the machine ${machine.id}`, start.value);
  }
}

/** Regions in the order of the alphabet: JSON does not promise the machine's own. */
const inOrder = (value: StateValue | undefined): string =>
  typeof value === 'object'
    ? `{${Object.keys(value)
        .sort()
        .map((key) => `${key}:${inOrder(value[key])}`)
        .join()}}`
    : String(value);
