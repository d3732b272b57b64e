/** How Kinto is called. */

import { Failure } from "@konductor/sdk";
import type { Attributes, Call, Endpoint, NextPage, Response } from "@konductor/sdk";

/** The endpoint's name in the manifest; where it is, and with which credentials it is called, the stack says. */
export const ENDPOINT = "kinto";

/** Kinto has no idempotency tokens, but keeps members that it does not know: by this one a create that was interrupted
 * finds what it made. */
const TOKEN = "konductor_token";

/** Returns the client of the API. */
export function api<A extends Attributes>(call: Call<A>): Endpoint {
  return call.endpoint(ENDPOINT);
}

/** Returns what an answer is about. */
export function dataOf<T>(document: unknown): T {
  return (document as { data: T }).data;
}

/** Makes what is not there yet, or finds what the same create made before it was interrupted. */
export function create<T, A extends Attributes>(call: Call<A>, path: string, data: object): T {
  const token = call.idempotencyToken;
  const request = { headers: { "if-none-match": "*" }, body: { data: { ...data, [TOKEN]: token } } };
  try {
    return dataOf<T>(api(call).send("PUT", path, request).json());
  } catch (error) {
    if (!(error instanceof Failure && error.httpStatus === 412)) throw error;
  }
  const found = dataOf<T & { readonly [TOKEN]?: string }>(api(call).get(path));
  if (found[TOKEN] !== token) {
    throw new Failure("already-exists", `${path} exists already; import it, or choose another name`);
  }
  return found;
}

/** Lists everything at a path. */
export function* every<T, A extends Attributes>(call: Call<A>, path: string): Generator<T> {
  const query = { _limit: "100" };
  // Kinto names the next page by a URL, of which the token is taken.
  const following = (response: Response): NextPage | undefined => {
    const token = /[?&]_token=([^&]+)/.exec(response.header("next-page") ?? "")?.[1];
    return token === undefined ? undefined : { path, query: { ...query, _token: decodeURIComponent(token) } };
  };
  for (const page of api(call).pages(path, { query, following })) yield* dataOf<T[]>(page);
}
