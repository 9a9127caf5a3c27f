// Certificates for servers on loopback, valid for a century: localhost, 127.0.0.1 and, where it is signed, ::1.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const pathOf = (name: string): string => fileURLToPath(new URL(`../fixtures/${name}.pem`, import.meta.url));
const read = (name: string): string => readFileSync(pathOf(name), 'utf8');

/** Of nobody but itself. */
export const SELF_SIGNED = { cert: read('localhost.cert'), key: read('localhost.key') };

/** Of an authority that no platform knows. */
export const SIGNED = { cert: read('signed.cert'), key: read('signed.key') };

export const AUTHORITY_FILE = pathOf('authority.cert');
export const AUTHORITY = read('authority.cert');
