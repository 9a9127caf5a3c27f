// Bytes as programs hold them, and as Node wants them.

export type Bytes = ArrayBuffer | ArrayBufferView;

export const isBytes = (value: unknown): value is Bytes =>
  value instanceof ArrayBuffer || ArrayBuffer.isView(value);

/** A view, not a copy. */
export function toBuffer(bytes: Bytes): Buffer {
  if (bytes instanceof ArrayBuffer) return Buffer.from(bytes);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
