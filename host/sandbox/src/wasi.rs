//! The part of WASI that guests get: clocks, random bytes and streams to print to. Everything else a compiled
//! standard library imports is there to link and refuses to work.

use std::sync::Arc;
use std::time::Duration;

use rand::rngs::ChaCha12Rng;
use rand::{Rng, RngExt, SeedableRng};
use wasmtime::Engine;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Linker, LinkerInstance, ResourceType, Val};
use wasmtime_wasi::cli::{IsTerminal, StdoutStream, WasiCli, WasiCliView};
use wasmtime_wasi::p2::bindings::{cli, io, random};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError};
use wasmtime_wasi::random::{WasiRandom, WasiRandomView};
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtx};

use crate::call::{Record, Stream};
use crate::host_functions::RANDOM_BYTES;
use crate::repeat::Ticking;
use crate::store::{Breach, CallState};

/// Bytes that a guest may write to a stream at once.
const WRITE_PERMIT: usize = 64 << 10;

/// A stream that keeps the first bytes and drops the rest.
#[derive(Clone)]
struct Capture {
    record: Arc<Record>,
    stream: Stream,
}

impl IsTerminal for Capture {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Capture {
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }

    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        Box::new(tokio::io::sink())
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Capture {
    async fn ready(&mut self) {}
}

impl OutputStream for Capture {
    fn write(&mut self, bytes: bytes::Bytes) -> Result<(), StreamError> {
        self.record.print(self.stream, &bytes);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), StreamError> {
        Ok(())
    }

    fn check_write(&mut self) -> Result<usize, StreamError> {
        Ok(WRITE_PERMIT)
    }
}

/// A clock that stands still, in milliseconds since 1970.
struct Stopped(u64);

impl HostWallClock for Stopped {
    fn resolution(&self) -> Duration {
        Duration::from_millis(1)
    }

    fn now(&self) -> Duration {
        Duration::from_millis(self.0)
    }
}

impl HostMonotonicClock for Stopped {
    fn resolution(&self) -> u64 {
        1_000_000
    }

    fn now(&self) -> u64 {
        0
    }
}

/// The clock of a repeated operation, as the calendar shows it.
struct Calendar(Arc<Ticking>);

impl HostWallClock for Calendar {
    fn resolution(&self) -> Duration {
        Duration::from_millis(1)
    }

    fn now(&self) -> Duration {
        Duration::from_millis(self.0.now())
    }
}

/// Where the time and the random bytes of a call come from.
pub(crate) enum Surroundings {
    /// The machine.
    Real,
    /// A generator; the clocks stand still.
    Pure(ChaCha12Rng),
    /// A generator and a clock; the clock by which it waits is the machine's.
    Repeated(ChaCha12Rng, Arc<Ticking>),
}

/// Makes the WASI context of one call: no environment, no arguments, no files.
pub(crate) fn context(record: &Arc<Record>, surroundings: Surroundings) -> WasiCtx {
    let capture = |stream| Capture {
        record: Arc::clone(record),
        stream,
    };
    let mut builder = WasiCtx::builder();
    builder
        .stdout(capture(Stream::Output))
        .stderr(capture(Stream::Error))
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false)
        .max_random_size(u64::from(RANDOM_BYTES) * 64);
    let generator = match surroundings {
        Surroundings::Real => None,
        Surroundings::Pure(generator) => {
            let clock = || Stopped(record.call.instant);
            builder.wall_clock(clock()).monotonic_clock(clock());
            Some(generator)
        }
        Surroundings::Repeated(generator, clock) => {
            builder.wall_clock(Calendar(clock));
            Some(generator)
        }
    };
    if let Some(mut generator) = generator {
        let mut next = || {
            let mut seed = [0; 32];
            generator.fill_bytes(&mut seed);
            ChaCha12Rng::from_seed(seed)
        };
        let (secure, insecure, mut seed) = (next(), next(), next());
        builder
            .secure_random(secure)
            .insecure_random(insecure)
            .insecure_random_seed(seed.random());
    }
    builder.build()
}

/// Adds what works, for every plugin.
pub(crate) fn add_to_linker(linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_proxy_interfaces_async(linker)?;
    // The environment is empty, but the standard library asks for it when it panics.
    cli::environment::add_to_linker::<_, WasiCli>(linker, CallState::cli)?;
    cli::exit::add_to_linker::<_, WasiCli>(linker, CallState::cli)?;
    cli::terminal_input::add_to_linker::<_, WasiCli>(linker, CallState::cli)?;
    cli::terminal_output::add_to_linker::<_, WasiCli>(linker, CallState::cli)?;
    cli::terminal_stdin::add_to_linker::<_, WasiCli>(linker, CallState::cli)?;
    cli::terminal_stdout::add_to_linker::<_, WasiCli>(linker, CallState::cli)?;
    cli::terminal_stderr::add_to_linker::<_, WasiCli>(linker, CallState::cli)?;
    random::insecure::add_to_linker::<_, WasiRandom>(linker, CallState::random)?;
    random::insecure_seed::add_to_linker::<_, WasiRandom>(linker, CallState::random)?;
    Ok(())
}

/// Adds the file system as far as one component imports it: no directory is open, and every other function
/// stops the guest.
pub(crate) fn add_refusals(
    linker: &mut Linker<CallState>,
    engine: &Engine,
    component: &Component,
) -> wasmtime::Result<()> {
    for (name, item) in component.component_type().imports(engine) {
        if !name.starts_with("wasi:filesystem/") {
            continue;
        }
        let ComponentItem::ComponentInstance(interface) = item.ty else {
            continue;
        };
        let mut instance = linker.instance(name)?;
        for (item_name, item) in interface.exports(engine) {
            match item.ty {
                ComponentItem::ComponentFunc(_) => refuse(&mut instance, name, item_name)?,
                ComponentItem::Resource(_) => add_resource(&mut instance, item_name)?,
                _ => {}
            }
        }
    }
    Ok(())
}

fn refuse(
    instance: &mut LinkerInstance<'_, CallState>,
    interface: &str,
    function: &str,
) -> wasmtime::Result<()> {
    if function == "get-directories" {
        return instance.func_new(function, |_, _, _, results| {
            if let Some(result) = results.first_mut() {
                *result = Val::List(Vec::new());
            }
            Ok(())
        });
    }
    let capability = format!("{interface}#{function}");
    instance.func_new(function, move |_, _, _, _| {
        Err(wasmtime::Error::new(Breach::Capability(capability.clone())))
    })
}

/// The types of `wasi:io` must be the real ones, because values of them are passed on to functions that work.
fn add_resource(instance: &mut LinkerInstance<'_, CallState>, name: &str) -> wasmtime::Result<()> {
    let resource = match name {
        "input-stream" => ResourceType::host::<io::streams::InputStream>(),
        "output-stream" => ResourceType::host::<io::streams::OutputStream>(),
        "error" => ResourceType::host::<io::error::Error>(),
        "pollable" => ResourceType::host::<io::poll::Pollable>(),
        _ => ResourceType::host::<()>(),
    };
    instance.resource(name, resource, |_, _| Ok(()))
}
