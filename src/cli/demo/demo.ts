// stub
import type { Io, ExitCode } from '../io.ts';
export const demo = (_s: object, _io: Io): Promise<ExitCode> => Promise.resolve(0);
