//! The subset of WASI that a guest's standard library needs, with no capability granted. Rule: no real clock, no real
//! randomness and no blocking: time and random numbers derive from the current event, so that the same events yield the
//! same effects, and a guest that tries to wait traps.

use crate::limits;
use wasmtime::component::{HasData, Linker, Resource, ResourceTable};
use wasmtime_wasi::cli::{WasiCli, WasiCliView};
use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemView};
use wasmtime_wasi::p2::DynPollable;
use wasmtime_wasi::p2::bindings::{cli, clocks, filesystem, random, sync};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::guest::{Guest, HasGuest, Wasi};
use crate::log::LogOutput;

/// WASI packages that a guest may import; a file with any other import is rejected.
const PACKAGES: [&str; 5] = ["wasi:io/", "wasi:clocks/", "wasi:random/", "wasi:cli/", "wasi:filesystem/"];

/// Contract interfaces that a component imports because its exports use their types.
const CONTRACT: [&str; 3] = ["modehost:mode/types@", "modehost:mode/events@", "modehost:mode/effects@"];

/// True if a plugin may import this interface.
pub(crate) fn may_import(name: &str) -> bool {
    PACKAGES.iter().chain(&CONTRACT).any(|prefix| name.starts_with(prefix))
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let (log, stderr_tail) = (&self.log, &self.stderr_tail);
        let wasi = self.wasi.get_or_insert_with(|| {
            let mut table = ResourceTable::new();
            table.set_max_capacity(limits::GUEST_HANDLES);
            // The clocks and random numbers of this context are never linked; see `link`.
            let stdout = LogOutput::new(log.clone(), None);
            let stderr = LogOutput::new(log.clone(), Some(stderr_tail.clone()));
            let context = WasiCtx::builder().stdout(stdout).stderr(stderr).build();
            Box::new(Wasi { context, table })
        });
        WasiCtxView { ctx: &mut wasi.context, table: &mut wasi.table }
    }
}

/// Selects the table of a guest's streams.
struct HasTable;

impl HasData for HasTable {
    type Data<'a> = &'a mut ResourceTable;
}

/// Adds everything that may be imported to the linker.
pub(crate) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    let table: fn(&mut Guest) -> &mut ResourceTable = |guest| guest.ctx().table;
    let identity: fn(&mut Guest) -> &mut Guest = |guest| guest;

    wasmtime_wasi::p2::bindings::io::error::add_to_linker::<Guest, HasTable>(linker, table)?;
    sync::io::poll::add_to_linker::<Guest, HasTable>(linker, table)?;
    sync::io::streams::add_to_linker::<Guest, HasTable>(linker, table)?;

    clocks::wall_clock::add_to_linker::<Guest, HasGuest>(linker, identity)?;
    clocks::monotonic_clock::add_to_linker::<Guest, HasGuest>(linker, identity)?;
    random::random::add_to_linker::<Guest, HasGuest>(linker, identity)?;
    random::insecure::add_to_linker::<Guest, HasGuest>(linker, identity)?;
    random::insecure_seed::add_to_linker::<Guest, HasGuest>(linker, identity)?;

    cli::exit::add_to_linker::<Guest, WasiCli>(linker, Guest::cli)?;
    cli::environment::add_to_linker::<Guest, WasiCli>(linker, Guest::cli)?;
    cli::stdin::add_to_linker::<Guest, WasiCli>(linker, Guest::cli)?;
    cli::stdout::add_to_linker::<Guest, WasiCli>(linker, Guest::cli)?;
    cli::stderr::add_to_linker::<Guest, WasiCli>(linker, Guest::cli)?;
    cli::terminal_input::add_to_linker::<Guest, WasiCli>(linker, Guest::cli)?;
    cli::terminal_output::add_to_linker::<Guest, WasiCli>(linker, Guest::cli)?;
    cli::terminal_stdin::add_to_linker::<Guest, WasiCli>(linker, Guest::cli)?;
    cli::terminal_stdout::add_to_linker::<Guest, WasiCli>(linker, Guest::cli)?;
    cli::terminal_stderr::add_to_linker::<Guest, WasiCli>(linker, Guest::cli)?;

    filesystem::preopens::add_to_linker::<Guest, WasiFilesystem>(linker, Guest::filesystem)?;
    sync::filesystem::types::add_to_linker::<Guest, WasiFilesystem>(linker, Guest::filesystem)?;
    Ok(())
}

impl clocks::wall_clock::Host for Guest {
    fn now(&mut self) -> wasmtime::Result<clocks::wall_clock::Datetime> {
        let now = self.context.now;
        let nanoseconds = u32::try_from(now % 1000).unwrap_or(0) * 1_000_000;
        Ok(clocks::wall_clock::Datetime { seconds: now / 1000, nanoseconds })
    }

    fn resolution(&mut self) -> wasmtime::Result<clocks::wall_clock::Datetime> {
        Ok(clocks::wall_clock::Datetime { seconds: 0, nanoseconds: 1_000_000 })
    }
}

impl clocks::monotonic_clock::Host for Guest {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(self.context.now.saturating_mul(1_000_000))
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        Ok(1_000_000)
    }

    fn subscribe_instant(&mut self, _when: u64) -> wasmtime::Result<Resource<DynPollable>> {
        Err(wasmtime::Error::msg(NO_WAITING))
    }

    fn subscribe_duration(&mut self, _duration: u64) -> wasmtime::Result<Resource<DynPollable>> {
        Err(wasmtime::Error::msg(NO_WAITING))
    }
}

/// The budget of a call counts running time; a guest that sleeps would escape it.
const NO_WAITING: &str = "a mode must not wait or sleep; it starts a timer and returns";

/// `length` bytes from the guest's deterministic generator.
fn random_bytes(guest: &mut Guest, length: u64) -> wasmtime::Result<Vec<u8>> {
    if length > limits::RANDOM_BYTES_PER_REQUEST {
        return Err(wasmtime::Error::msg(format!("at most {} random bytes at once", limits::RANDOM_BYTES_PER_REQUEST)));
    }
    let length = usize::try_from(length)?;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        bytes.extend_from_slice(&guest.next_random().to_le_bytes());
    }
    bytes.truncate(length);
    Ok(bytes)
}

impl random::random::Host for Guest {
    fn get_random_bytes(&mut self, length: u64) -> wasmtime::Result<Vec<u8>> {
        random_bytes(self, length)
    }

    fn get_random_u64(&mut self) -> wasmtime::Result<u64> {
        Ok(self.next_random())
    }
}

impl random::insecure::Host for Guest {
    fn get_insecure_random_bytes(&mut self, length: u64) -> wasmtime::Result<Vec<u8>> {
        random_bytes(self, length)
    }

    fn get_insecure_random_u64(&mut self) -> wasmtime::Result<u64> {
        Ok(self.next_random())
    }
}

impl random::insecure_seed::Host for Guest {
    fn insecure_seed(&mut self) -> wasmtime::Result<(u64, u64)> {
        // Constant, so that hash maps iterate in the same order in every instance and after every restore.
        Ok((0x006D_6F64_6568_6F73, 0x7400_6D6F_6465_6873))
    }
}
