/** Texts and bytes. The sandbox's engine has no `TextEncoder`, so a library stands in for it everywhere. */

import { decode, encode } from "@stablelib/utf8";

// Both engines have these two; no library of types that both share declares them.
declare function atob(text: string): string;
declare function btoa(text: string): string;

/** Returns a text as UTF-8. */
export function utf8(text: string): Uint8Array {
  return encode(text.toWellFormed());
}

/** Returns the text that UTF-8 bytes hold, nothing where they hold none. */
export function textOf(bytes: Uint8Array): string | undefined {
  try {
    return decode(bytes);
  } catch {
    return undefined;
  }
}

/** Returns bytes as base64 with padding. */
export function base64Of(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Returns the bytes of base64 with padding, nothing where it is not that. */
export function bytesOfBase64(text: string): Uint8Array | undefined {
  return BASE64.test(text) ? Uint8Array.from(atob(text), (character) => character.charCodeAt(0)) : undefined;
}
