/** {{name}}: checks of every plan, which a package of policies names. */

import { checks, deny, warn } from "@konductor/sdk/checks";

export default checks({
  name: "{{name}}",
  version: "0.1.0",
  description: "Checks of every plan",
  checks: {
    /** Everything has somebody who answers for it. */
    *owner(document) {
      for (const resource of document.resources) {
        if (resource.metadata("owner") === undefined) yield deny(`nobody owns ${resource.name}`, { resource });
      }
    },

    /** What goes is told, and nothing follows. */
    *deletion(document) {
      for (const resource of document.changes) {
        if (resource.action === "delete") yield warn(`${resource.name} is deleted`, { resource });
      }
    },
  },
});
