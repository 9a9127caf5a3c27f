// What a server may say in a close frame: RFC 6455 §7.4.
import { InvalidOptionError } from '../../errors.ts';

const MAX_REASON_BYTES = 123;
/** 1004 is reserved, 1005, 1006 and 1015 never travel, 1010 is for clients to say. */
const UNSENDABLE: ReadonlySet<number> = new Set([1004, 1005, 1006, 1010]);

const isSendable = (code: number): boolean =>
  Number.isInteger(code) &&
  ((code >= 1000 && code <= 1014 && !UNSENDABLE.has(code)) || (code >= 3000 && code <= 4999));

/** @throws {InvalidOptionError} for a code or a reason that no server may send */
export function checkGoodbye(code: number, reason: string): void {
  if (!isSendable(code)) {
    const expected = 'a close code: 1000-1003, 1007-1009, 1011-1014 or 3000-4999';
    throw new InvalidOptionError('code', expected, code);
  }
  if (typeof reason !== 'string' || Buffer.byteLength(reason) > MAX_REASON_BYTES)
    throw new InvalidOptionError('reason', `a string of at most ${MAX_REASON_BYTES} bytes of UTF-8`, reason);
}
