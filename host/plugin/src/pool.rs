//! Capacity of the instance pool. Rule: a limit of the system is reported at start, with the setting that raises it,
//! not when an instance has to be opened.

use crate::limits;
use wasmtime::PoolingAllocationConfig;

/// The capacity that the system allows, and warnings for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Capacity {
    /// Maximum number of live instances.
    pub live_instances: usize,
    /// One sentence each, naming the setting to change.
    pub warnings: Vec<String>,
}

/// Linux: maximum number of memory mappings of a process.
const MAX_MAP_COUNT: &str = "/proc/sys/vm/max_map_count";

/// Caps the requested number of live instances by the mappings that a process may have.
pub(crate) fn capacity(requested: usize) -> Capacity {
    let allowed = std::fs::read_to_string(MAX_MAP_COUNT).ok().and_then(|text| text.trim().parse().ok());
    fit_to_mappings(requested, allowed)
}

/// The same with the limit passed in; `None` where the system has none.
fn fit_to_mappings(requested: usize, max_map_count: Option<usize>) -> Capacity {
    let requested = requested.max(1);
    let Some(allowed) = max_map_count else {
        return Capacity { live_instances: requested, warnings: Vec::new() };
    };
    let possible = allowed.saturating_sub(limits::PROCESS_MAPS) / limits::MAPS_PER_INSTANCE;
    if requested <= possible {
        return Capacity { live_instances: requested, warnings: Vec::new() };
    }
    let needed = requested * limits::MAPS_PER_INSTANCE + limits::PROCESS_MAPS;
    let warning = format!(
        "plugins.limits.live_instances is {requested}, but vm.max_map_count = {allowed} carries {possible} only; \
         going on with {possible}. To have them all: sysctl -w vm.max_map_count={needed}"
    );
    Capacity { live_instances: possible.max(1), warnings: vec![warning] }
}

/// Sizes the pools for `live` instances of up to `memory_bytes` each. A component consists of several core instances
/// and tables, and may have a second memory, so each pool has its own size.
pub(crate) fn pooling(live: usize, memory_bytes: usize) -> PoolingAllocationConfig {
    let count = |per_instance_quarters: usize| u32::try_from(live * per_instance_quarters / 4 + 8).unwrap_or(u32::MAX);
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(count(4))
        .total_core_instances(count(4 * limits::CORE_INSTANCES_PER_PLUGIN))
        .total_tables(count(4 * limits::TABLES_PER_PLUGIN))
        // Address space is the scarce resource: 4 GiB per memory, of 128 TiB in all.
        .total_memories(count(5))
        .total_stacks(0)
        .max_memory_size(memory_bytes)
        .table_elements(limits::TABLE_ELEMENTS)
        // Keeping pages resident between instances makes a swap of many sessions slower, not faster.
        .linear_memory_keep_resident(0)
        .table_keep_resident(0);
    pool
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_map_count_caps_and_names_the_sysctl() {
        let capacity = fit_to_mappings(14_000, Some(20_000));
        assert_eq!(capacity.live_instances, (20_000 - limits::PROCESS_MAPS) / limits::MAPS_PER_INSTANCE);
        assert!(capacity.warnings[0].contains("vm.max_map_count"), "{:?}", capacity.warnings);
    }

    #[test]
    fn the_default_fits_the_usual_map_count() {
        assert_eq!(fit_to_mappings(limits::LIVE_INSTANCES, Some(65_530)).warnings, Vec::<String>::new());
        assert_eq!(fit_to_mappings(100_000, None).live_instances, 100_000);
    }
}
