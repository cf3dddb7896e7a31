//! The exports of a component. Rule: this macro is the only glue code; the exports exist in wasm only.

/// Makes the mode the component of this crate: exports the contract and embeds the crate's `plugin.toml` as the
/// custom section `modehost:plugin`. Invoked once, in the crate's `lib.rs`.
///
/// A panic in the mode prints its message to the plugin's log and traps; the host then rolls back to the last good
/// state.
#[macro_export]
macro_rules! register {
    ($mode:ty) => {
        // Evaluated natively too, so that any `cargo check` reports a manifest without id or version.
        const PLUGIN_TOML: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/plugin.toml"));
        const PLUGIN_ID: &str = $crate::manifest_member(PLUGIN_TOML, "id");
        const PLUGIN_VERSION: &str = $crate::manifest_member(PLUGIN_TOML, "version");
        const _: (&str, &str) = (PLUGIN_ID, PLUGIN_VERSION);

        #[cfg(target_family = "wasm")]
        #[allow(unsafe_code, reason = "export names and a section name; no code of ours is unsafe")]
        const _: () = {
            use ::core::cell::RefCell;
            use $crate::bindings::exports::modehost::mode as contract;

            // SAFETY: nothing else uses this section name, and custom sections are not loaded.
            #[used]
            #[unsafe(link_section = "modehost:plugin")]
            static MANIFEST: [u8; PLUGIN_TOML.len()] =
                *include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/plugin.toml"));

            ::std::thread_local! {
                static RUNNER: RefCell<Option<$crate::Runner<$mode>>> = const { RefCell::new(None) };
            }

            fn with_runner<T>(call: impl FnOnce(&mut $crate::Runner<$mode>) -> T) -> T {
                RUNNER.with(|slot| match slot.borrow_mut().as_mut() {
                    Some(runner) => call(runner),
                    None => panic!("the host must call `configure` first"),
                })
            }

            struct Component;

            impl contract::handler::Guest for Component {
                fn handle(
                    context: $crate::Context,
                    event: $crate::Event,
                ) -> Result<Vec<$crate::Effect>, $crate::Fault> {
                    with_runner(|runner| runner.handle(context, event))
                }
            }

            impl contract::lifecycle::Guest for Component {
                fn configure(config: String) -> Result<(), String> {
                    let runner = $crate::Runner::configure(&config)?;
                    RUNNER.with(|slot| *slot.borrow_mut() = Some(runner));
                    Ok(())
                }

                fn snapshot() -> $crate::Snapshot {
                    with_runner(|runner| runner.snapshot())
                }

                fn restore(snapshot: $crate::Snapshot) -> Result<(), $crate::RestoreError> {
                    with_runner(|runner| runner.restore(&snapshot))
                }
            }

            impl contract::manifest::Guest for Component {
                fn describe() -> contract::manifest::Description {
                    <$mode as $crate::Mode>::describe().finish::<$mode>(PLUGIN_ID, PLUGIN_VERSION)
                }
            }

    $crate::bindings::export_mode!(Component with_types_in $crate::bindings);
        };
    };
}
