/** The forms of text that a schema can ask for, checked by form alone. */

import ipaddr from "ipaddr.js";

import { bytesOfBase64 } from "./bytes.ts";
import type { TextFormat } from "./schema.ts";

const BLOCK = "expected an address and a prefix length, such as `10.0.0.0/16`";
const IPV4 = /^(?:0|[1-9]\d{0,2})(?:\.(?:0|[1-9]\d{0,2})){3}$/;

interface Block {
  readonly version: 4 | 6;
  /** The block without host bits. */
  readonly network: string;
  /** Whether the address given has none. */
  readonly exact: boolean;
}

function block(text: string): Block | undefined {
  const [address = "", length = ""] = text.split("/");
  // The library also takes forms such as `10.1` and `0x0a.0.0.1`, which clouds do not.
  if (!/^\d{1,3}$/.test(length) || !(IPV4.test(address) || address.includes(":"))) return undefined;
  try {
    const [given, bits] = ipaddr.parseCIDR(text);
    const reader = given.kind() === "ipv4" ? ipaddr.IPv4 : ipaddr.IPv6;
    const network = reader.networkAddressFromCIDR(text);
    const exact = network.toNormalizedString() === given.toNormalizedString();
    return { version: given.kind() === "ipv4" ? 4 : 6, network: `${network.toString()}/${bits}`, exact };
  } catch {
    return undefined;
  }
}

/** Says what is wrong with the form of a text. Forms of one cloud's names are that cloud's plugin's to check. */
export function complaint(form: TextFormat, text: string): string {
  switch (form) {
    case "ipv4-cidr":
    case "ipv6-cidr":
    case "cidr": {
      const found = block(text);
      if (found === undefined) return BLOCK;
      const version = { "ipv4-cidr": 4, "ipv6-cidr": 6, cidr: found.version }[form];
      if (found.version !== version) return `expected an IPv${version} block`;
      return found.exact ? "" : `it has host bits set; use \`${found.network}\``;
    }
    case "ipv4-address":
      return IPV4.test(text) && ipaddr.IPv4.isValid(text)
        ? ""
        : "expected four numbers from 0 to 255, such as `10.0.0.1`";
    case "base64":
      return bytesOfBase64(text) === undefined ? "expected base64 with padding" : "";
  }
  return "";
}

/** Compares two texts of a form: blocks of addresses by what they contain, base64 by its bytes. */
export function sameText(form: TextFormat, left: string, right: string): boolean {
  if (form === "ipv6-cidr" || form === "cidr") {
    const [one, other] = [block(left), block(right)];
    return one !== undefined && other !== undefined && one.exact && other.exact && one.network === other.network;
  }
  if (form === "base64") {
    const [one, other] = [bytesOfBase64(left), bytesOfBase64(right)];
    return one !== undefined && other !== undefined && String(one) === String(other);
  }
  return false;
}
