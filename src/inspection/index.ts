// "statewire/inspect" in a page: everything about looking at connections that runs without Node.
export { recorder, type Recorder, type RecorderOptions } from './recorder.ts';
export { parseRecording, type RecordedEvent, type RecordedMessage, type Recording } from './recording.ts';
export { replay, type Replay, type ReplayStep } from './replay.ts';
export { remoteInspector, type RemoteInspector, type RemoteInspectorOptions } from './remote.ts';
export { xstate4Bridge, type XState4Bridge, type XState4BridgeOptions } from './xstate4-bridge.ts';
export type { XState4Frame } from './xstate4-protocol.ts';
export {
  postXState4,
  serveXState4,
  type PageWindow,
  type PostXState4Options,
  type ViewerSocket,
  type ViewerWindow,
} from './xstate4-viewers.ts';
export type { XState4Viewer, XState4Visit } from './xstate4-visit.ts';
export type { Inspected, Inspector } from './inspector.ts';
