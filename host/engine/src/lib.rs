//! Graph, plan, apply, refresh, import and the simulated cloud.
