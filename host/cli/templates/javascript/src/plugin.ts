/** {{name}}: buckets of Kinto, a JSON store with an HTTP API (https://docs.kinto-storage.org). */

import { plugin } from "@konductor/sdk";

import { ENDPOINT } from "./api.ts";
import { bucket } from "./bucket.ts";

export default plugin({
  name: "{{name}}",
  version: "0.1.0",
  description: "Buckets of a Kinto server",
  resources: [bucket],
  endpoints: [
    {
      id: ENDPOINT,
      reason: "creates, reads, changes and deletes buckets",
      methods: ["GET", "PUT", "PATCH", "DELETE"],
    },
  ],
});
