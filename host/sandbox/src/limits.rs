//! How much of the machine a plugin may use.

use std::time::Duration;

use konductor_model::node_table;

/// What holds for every call into every plugin of one sandbox.
///
/// The limits do not cover the time the host itself needs to compile a plugin, nor the memory of compiled code.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Instances that may be alive at once, over all plugins. Calls beyond that wait. Linux allows a process
    /// `vm.max_map_count` memory mappings and an instance needs six of them.
    pub instances: u32,
    /// Bytes of linear memory of one instance.
    pub memory_bytes: usize,
    /// Bytes of the native stack of one instance.
    pub stack_bytes: usize,
    /// Elements of the function tables of one instance.
    pub table_elements: usize,
    /// Processor time of a pure call. Time spent waiting for the cloud does not count.
    pub pure_cpu: Duration,
    /// Processor time of an operation.
    pub operation_cpu: Duration,
    /// Time on the clock for a pure call, from the moment it has an instance.
    pub pure_deadline: Duration,
    /// Time on the clock for an operation, with all its cloud calls and their waiting.
    pub operation_deadline: Duration,
    /// The size of one value in nodes and nesting.
    pub values: node_table::Limits,
    /// Bytes that may cross the boundary in one host call or one answer.
    pub transfer_bytes: usize,
    /// Handles to host resources (streams, pollables) that a guest may hold at once.
    pub handles: usize,
    /// Cloud calls of one operation.
    pub cloud_calls: u32,
    /// Bytes kept of standard output and of standard error in one call.
    pub output_bytes: usize,
    /// Log messages of one call.
    pub log_messages: u32,
    /// Bytes of one log message, and of any other text for people.
    pub message_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            instances: 1_000,
            memory_bytes: 256 << 20,
            stack_bytes: 512 << 10,
            table_elements: 20_000,
            pure_cpu: Duration::from_secs(5),
            operation_cpu: Duration::from_secs(60),
            pure_deadline: Duration::from_secs(30),
            operation_deadline: Duration::from_secs(15 * 60),
            values: node_table::Limits::default(),
            transfer_bytes: 64 << 20,
            handles: 1_000,
            cloud_calls: 10_000,
            output_bytes: 64 << 10,
            log_messages: 1_000,
            message_bytes: 8 << 10,
        }
    }
}
