//! The system interface, as far as a guest's standard library needs it, with nothing granted.
//! Rule: no clock, no chance and no waiting of its own: time and random numbers come from the
//! event at hand, so that the same events give the same effects, and a guest that wants to wait
//! is stopped.

use crate::limits;
use wasmtime::component::{HasData, Linker, Resource, ResourceTable};
use wasmtime_wasi::cli::{WasiCli, WasiCliView};
use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemView};
use wasmtime_wasi::p2::DynPollable;
use wasmtime_wasi::p2::bindings::{cli, clocks, filesystem, random, sync};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::guest::{Guest, HasGuest, Wasi};
use crate::log::LogOutput;

/// Interfaces of the system that a guest may import, by package; all others refuse the load.
const PACKAGES: [&str; 5] = ["wasi:io/", "wasi:clocks/", "wasi:random/", "wasi:cli/", "wasi:filesystem/"];

/// Interfaces of the contract that a component names because its exports use their words.
const CONTRACT: [&str; 3] = ["modehost:mode/types@", "modehost:mode/events@", "modehost:mode/effects@"];

/// True if a plugin may import this interface.
pub(crate) fn may_import(name: &str) -> bool {
    PACKAGES.iter().chain(&CONTRACT).any(|prefix| name.starts_with(prefix))
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let (log, last_words) = (&self.log, &self.last_words);
        let wasi = self.wasi.get_or_insert_with(|| {
            let mut table = ResourceTable::new();
            table.set_max_capacity(limits::GUEST_HANDLES);
            // Clocks and random numbers of this context are never linked; see `link`.
            let stdout = LogOutput::new(log.clone(), None);
            let stderr = LogOutput::new(log.clone(), Some(last_words.clone()));
            let context = WasiCtx::builder().stdout(stdout).stderr(stderr).build();
            Box::new(Wasi { context, table })
        });
        WasiCtxView { ctx: &mut wasi.context, table: &mut wasi.table }
    }
}

/// The table of a guest's streams.
struct HasTable;

impl HasData for HasTable {
    type Data<'a> = &'a mut ResourceTable;
}

/// Puts everything that may be imported into the linker.
pub(crate) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    let table: fn(&mut Guest) -> &mut ResourceTable = |guest| guest.ctx().table;
    let own: fn(&mut Guest) -> &mut Guest = |guest| guest;

    wasmtime_wasi::p2::bindings::io::error::add_to_linker::<Guest, HasTable>(linker, table)?;
    sync::io::poll::add_to_linker::<Guest, HasTable>(linker, table)?;
    sync::io::streams::add_to_linker::<Guest, HasTable>(linker, table)?;

    clocks::wall_clock::add_to_linker::<Guest, HasGuest>(linker, own)?;
    clocks::monotonic_clock::add_to_linker::<Guest, HasGuest>(linker, own)?;
    random::random::add_to_linker::<Guest, HasGuest>(linker, own)?;
    random::insecure::add_to_linker::<Guest, HasGuest>(linker, own)?;
    random::insecure_seed::add_to_linker::<Guest, HasGuest>(linker, own)?;

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

/// The budget of a call counts while the guest runs; a guest that sleeps would escape it.
const NO_WAITING: &str = "a mode must not wait or sleep; it starts a timer and returns";

/// `length` bytes drawn from the guest's own numbers.
fn random_bytes(guest: &mut Guest, length: u64) -> wasmtime::Result<Vec<u8>> {
    if length > limits::GUEST_RANDOM_BYTES {
        return Err(wasmtime::Error::msg(format!("at most {} random bytes at once", limits::GUEST_RANDOM_BYTES)));
    }
    let length = usize::try_from(length)?;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        bytes.extend_from_slice(&guest.draw().to_le_bytes());
    }
    bytes.truncate(length);
    Ok(bytes)
}

impl random::random::Host for Guest {
    fn get_random_bytes(&mut self, length: u64) -> wasmtime::Result<Vec<u8>> {
        random_bytes(self, length)
    }

    fn get_random_u64(&mut self) -> wasmtime::Result<u64> {
        Ok(self.draw())
    }
}

impl random::insecure::Host for Guest {
    fn get_insecure_random_bytes(&mut self, length: u64) -> wasmtime::Result<Vec<u8>> {
        random_bytes(self, length)
    }

    fn get_insecure_random_u64(&mut self) -> wasmtime::Result<u64> {
        Ok(self.draw())
    }
}

impl random::insecure_seed::Host for Guest {
    fn insecure_seed(&mut self) -> wasmtime::Result<(u64, u64)> {
        // Constant: hash maps then iterate alike in every instance and after every restore.
        Ok((0x006D_6F64_6568_6F73, 0x7400_6D6F_6465_6873))
    }
}
