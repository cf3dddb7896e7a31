//! How many instances fit into this process. Rule: what the system cannot carry is said at start,
//! with the setting that changes it; nothing is found out when an instance is due.

use crate::limits;
use wasmtime::PoolingAllocationConfig;

/// What the system grants, and what the operator should know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Capacity {
    /// Instances that may live at the same time.
    pub live_instances: usize,
    /// One sentence each, naming the setting to change.
    pub warnings: Vec<String>,
}

/// Where Linux says how many mappings a process may have.
const MAX_MAP_COUNT: &str = "/proc/sys/vm/max_map_count";

/// Fits the wanted number of live instances to the mappings that a process may have.
pub(crate) fn capacity(wanted: usize) -> Capacity {
    let allowed = std::fs::read_to_string(MAX_MAP_COUNT).ok().and_then(|text| text.trim().parse().ok());
    fit(wanted, allowed)
}

/// The same with the limit given; `None` where the system has none.
fn fit(wanted: usize, max_map_count: Option<usize>) -> Capacity {
    let wanted = wanted.max(1);
    let Some(allowed) = max_map_count else {
        return Capacity { live_instances: wanted, warnings: Vec::new() };
    };
    let possible = allowed.saturating_sub(limits::MAPS_OF_PROCESS) / limits::MAPS_PER_INSTANCE;
    if wanted <= possible {
        return Capacity { live_instances: wanted, warnings: Vec::new() };
    }
    let needed = wanted * limits::MAPS_PER_INSTANCE + limits::MAPS_OF_PROCESS;
    let warning = format!(
        "plugins.limits.live_instances is {wanted}, but vm.max_map_count = {allowed} carries {possible} only; \
         going on with {possible}. To have them all: sysctl -w vm.max_map_count={needed}"
    );
    Capacity { live_instances: possible.max(1), warnings: vec![warning] }
}

/// Sizes the pools for `live` instances of up to `memory_bytes` each. A component is made of
/// several core instances and tables, and may have a second memory, so each pool has its own size.
pub(crate) fn pooling(live: usize, memory_bytes: usize) -> PoolingAllocationConfig {
    let count = |per_instance_quarters: usize| u32::try_from(live * per_instance_quarters / 4 + 8).unwrap_or(u32::MAX);
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(count(4))
        .total_core_instances(count(4 * limits::CORE_INSTANCES_PER_PLUGIN))
        .total_tables(count(4 * limits::TABLES_PER_PLUGIN))
        // Address space is the scarce thing here: 4 GiB a memory, and 128 TiB in all.
        .total_memories(count(5))
        .total_stacks(0)
        .max_memory_size(memory_bytes)
        .table_elements(limits::TABLE_ELEMENTS)
        // Pages kept from instance to instance make a swap of many sessions slower, not faster.
        .linear_memory_keep_resident(0)
        .table_keep_resident(0);
    pool
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_map_count_caps_and_names_the_sysctl() {
        let capacity = fit(14_000, Some(20_000));
        assert_eq!(capacity.live_instances, (20_000 - limits::MAPS_OF_PROCESS) / limits::MAPS_PER_INSTANCE);
        assert!(capacity.warnings[0].contains("vm.max_map_count"), "{:?}", capacity.warnings);
    }

    #[test]
    fn the_default_fits_the_usual_map_count() {
        assert_eq!(fit(limits::LIVE_INSTANCES, Some(65_530)).warnings, Vec::<String>::new());
        assert_eq!(fit(100_000, None).live_instances, 100_000);
    }
}
