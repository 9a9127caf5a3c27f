// Which names say that what stands under them is a secret: of fields, headers, cookies and parameters of URLs.

/** How names are compared: `X-Api-Key`, `xApiKey` and `x_api_key` are one. */
export const plainName = (name: string): string => name.toLowerCase().replace(/[-_.\s$]/g, '');

/** A secret even as a number. */
const PASSWORD = /(?:password|passwd|passphrase|passcode|pwd|secret|credentials?)$|^(?:pin|otp)$/;

/** As a number it is a count: `tokens: 5`, `sessions: 2`. */
const TOKEN = new RegExp(
  '(?:tokens?|jwt|bearer|secrets|authorization|cookies?|sess(?:ion)?id|' +
    '(?:api|access|auth|private|secret|session|signing|encryption)keys?)$|' +
    '^(?:auth|session|sid|connectsid|csrf|xsrf)$',
);

/** Often the name of a group of fields, each of which is judged by its own name. */
const GROUP = /^(?:auth|session)$/;

/** Longer names are judged by their end. */
const MAX_NAME_LENGTH = 128;

/** Whether a text under this name is a secret. `author`, `sessions` and `tokenType` are no such names; `authToken` is. */
export function namesSecret(name: string): boolean {
  const plain = plainName(name.slice(-MAX_NAME_LENGTH));
  return PASSWORD.test(plain) || TOKEN.test(plain);
}

/** Whether what stands under this name is a secret. Nothing is, nor is what is merely true or false. */
export function isSecretUnder(name: string, value: unknown): boolean {
  if (value === undefined || value === null || value === '' || typeof value === 'boolean') return false;
  const plain = plainName(name.slice(-MAX_NAME_LENGTH));
  if (PASSWORD.test(plain)) return true;
  if (!TOKEN.test(plain) || typeof value === 'number' || typeof value === 'bigint') return false;
  return typeof value !== 'object' || !GROUP.test(plain);
}
