import assert from "node:assert/strict";
import { test } from "node:test";

import { Sample } from "@konductor/sdk/checks";

import plugin from "../src/plugin.ts";

test("what nobody owns is found, and what is owned is not", () => {
  const plan = new Sample()
    .create("aws:s3:Bucket", "logs", { bucket: "logs" })
    .create("aws:s3:Bucket", "owned", { bucket: "owned" })
    .metadata({ owner: "platform" });
  assert.deepEqual(plugin.messages(plan.document()), ["nobody owns logs"]);
});

test("what is deleted is told", () => {
  const plan = new Sample().delete("aws:s3:Bucket", "logs");
  const [found, ...more] = plugin.judge(plan.document()).findings;
  assert.deepEqual([found?.message, found?.warning, more], ["logs is deleted", true, []]);
});
