// The executable `statewire`: hands the process to the command line, and waits for what it has written.
import { processIo } from './io.ts';
import { run } from './run.ts';

process.exitCode = await run(process.argv.slice(2), processIo());
